"""What an operator may set, all with the prefix `STORE_`."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class PolicySettings(BaseSettings):
    """Days. 0 keeps for ever, or never compresses.

    Compression begins later than the longest upload of a tracker that was without network: late reports then fall into chunks that
    are still plain. Raw frames are needed to read history again with a newer decoder. Pending devices that were not seen for
    `pending_days` are forgotten.
    """

    model_config = SettingsConfigDict(env_prefix="STORE_", frozen=True)

    database_url: SecretStr
    compress_after_days: int = Field(default=14, ge=0, le=36_500)
    reports_days: int = Field(default=0, ge=0, le=36_500)
    frames_days: int = Field(default=400, ge=0, le=36_500)
    sessions_days: int = Field(default=400, ge=0, le=36_500)
    rejects_days: int = Field(default=60, ge=0, le=36_500)
    pending_days: int = Field(default=30, ge=0, le=36_500)
    summaries_days: int = Field(default=0, ge=0, le=36_500)

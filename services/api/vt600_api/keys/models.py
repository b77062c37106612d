"""API keys, kept as hashes only."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Identity, LargeBinary, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from vt600_api.database import Base


class ApiKey(Base):
    """A key that was given out: the SHA-256 of it, what it may do, and since when it may no longer."""

    __tablename__ = "api_keys"

    api_key_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    key_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

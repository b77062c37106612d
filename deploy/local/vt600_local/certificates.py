"""An authority of our own, for servers that demand TLS."""

from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key


class Authority:
    """Its certificate is in `cafile`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._authority = trustme.CA()
        self.cafile = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(self.cafile)

    def issue(self, *names: str) -> Path:
        """A file with a new key, in PKCS #8 because Java reads nothing else, and its certificate for these hosts."""
        issued = self._authority.issue_cert(*names)
        key = load_pem_private_key(issued.private_key_pem.bytes(), password=None)
        path = self._folder / f"{names[0]}.pem"
        path.touch(mode=0o600)
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(text + b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        return path

"""Which certificates are believed: the system's, certifi's, and one file that the person names.

The file comes from CODEX_CA_CERTIFICATE, else SSL_CERT_FILE; an empty variable counts as unset.
It adds to the others and replaces none. Verification is never switched off.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from functools import lru_cache

import certifi

from codex_lsp.net.failures import BadCertificates

VARIABLES = ("CODEX_CA_CERTIFICATE", "SSL_CERT_FILE")


def tls_context(environ: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """The context for all our https; takes about 0.1 s once for each file that is named.

    Raises `BadCertificates`, naming the variable and the file.
    """
    for variable in VARIABLES:
        if path := environ.get(variable):
            return _load(variable, path)
    return _load(None, None)


@lru_cache(maxsize=8)
def _load(variable: str | None, path: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if path is not None:
        try:
            context.load_verify_locations(path)
        except ssl.SSLError as error:
            raise BadCertificates(
                f"{variable} names {path}, which holds no certificate in PEM form. "
                "Point it at a PEM file, or unset it.",
                detail=str(error),
            ) from error
        except OSError as error:
            raise BadCertificates(
                f"{variable} names {path}, which cannot be read ({error.strerror}). "
                "Correct the path, or unset it.",
                detail=str(error),
            ) from error
    return context

"""Signs an artifact with a local key, by Sigstore's model-signing: nothing is sent anywhere."""

from pathlib import Path

from understudy.importing.errors import ImportingError


def sign(artifact: Path, key: Path, bundle: Path, password: str | None = None) -> None:
    """Write a bundle that says that the key has signed the file.

    `key`: a private key in PEM of the curve P-256, P-384 or P-521. Raises ImportingError, and
    ModuleNotFoundError without the extra `signing`.
    """
    from model_signing import signing  # noqa: PLC0415 - seconds, and an extra

    secret = None if password is None else password.encode()
    try:
        # It hands the password on as it is, and bytes are what is taken there.
        config = signing.Config().use_elliptic_key_signer(private_key=key, password=secret)  # type: ignore[arg-type,no-untyped-call]
    except (OSError, TypeError, ValueError, AttributeError) as error:
        said = " ".join(str(error).split())[:200]
        raise ImportingError(
            "--private-key",
            f"{key} can't be used ({said}); it is to be a private key in PEM of the curve P-256, "
            "P-384 or P-521: openssl ecparam -name prime256v1 -genkey -noout -out key.pem",
        ) from error
    config.sign(artifact, bundle)

"""The owner's licence of a dataset, as SPDX names it and as others write it."""

from __future__ import annotations

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from annotate.errors import InputError

# Licences of data for which Hugging Face's cards have a name of their own; most are SPDX's in small
# letters (https://huggingface.co/docs/hub/repositories-licenses).
_HUB = {
    name.lower(): name.lower()
    for name in (
        *("CC0-1.0", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0"),
        *("CC-BY-NC-2.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "CC-BY-NC-ND-4.0"),
        *("CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CDLA-Sharing-1.0", "CDLA-Permissive-1.0"),
        *("CDLA-Permissive-2.0", "Apache-2.0", "MIT"),
    )
} | {"odbl-1.0": "odbl", "odc-by-1.0": "odc-by", "pddl-1.0": "pddl"}


def check_licence(text: str) -> str:
    """The licence as SPDX spells it; empty: nothing was said.

    >>> check_licence("cc-by-4.0"), check_licence("LicenseRef-ours"), check_licence("")
    ('CC-BY-4.0', 'LicenseRef-ours', '')

    Raises:
        InputError: it is none of SPDX's.
    """
    if not text.strip():
        return ""
    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression as error:
        raise InputError(
            f'[dataset] licence = "{text}": not a licence\'s SPDX name ({error}). Take one of '
            "https://spdx.org/licenses/, such as CC-BY-4.0; for terms of your own write "
            "LicenseRef-NAME, as in LicenseRef-ours; leave it empty where none is decided."
        ) from error


def hub_licence(licence: str) -> dict[str, str]:
    """What a Hugging Face card says in its front matter.

    Args:
        licence: from :func:`check_licence`.
    """
    if not licence:
        return {"license": "unknown"}
    known = _HUB.get(licence.lower())
    return {"license": known} if known else {"license": "other", "license_name": licence.lower()}


def licence_page(licence: str) -> str | None:
    """The page of SPDX about a licence; None for terms of one's own and for several licences.

    >>> licence_page("CC-BY-4.0")
    'https://spdx.org/licenses/CC-BY-4.0.html'
    """
    single = licence and " " not in licence and not licence.startswith("LicenseRef-")
    return f"https://spdx.org/licenses/{licence}.html" if single else None

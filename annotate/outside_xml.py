"""XML from outside: without document types, so that nothing is fetched or expanded."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from annotate.errors import InputError


def parse_xml(data: bytes | str) -> Element:
    """Parse a document in any encoding that the parser knows.

    Raises:
        InputError: it is broken, with the line, or declares a document type.

    >>> parse_xml("<a><b/></a>").tag
    'a'
    """
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputError(
            "it declares a document type, which is refused because of entities"
        ) from error
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise InputError(f"broken XML: {error}") from error
    return root

"""Croissant metadata (MLCommons, version 1.0) over CSV files and the images."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotate.dataset.exports.data import ExportData
from annotate.dataset.exports.flat import vote_rows
from annotate.dataset.exports.licence import licence_page
from annotate.dataset.exports.request import Request
from annotate.files import atomic, sha256, write_json

WORDS = {1: "yes", 0: "no"}
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
IMAGE_FIELDS = ("image_id", "file", "uri", "split", "property_id", "text")
LABEL_FIELDS = ("image_id", "class_id", "label", "yes", "no", "decided")


def write_croissant(data: ExportData, folder: Path, request: Request) -> list[str]:
    """Write ``croissant.json``, and the CSV files that it describes.

    Labels are the words yes, no and unknown, one row per image and class.
    """
    images = data.images.assign(file=data.images["image_id"] + data.images["suffix"])
    labels = vote_rows(data)
    words = [WORDS.get(value, "unknown") for value in labels["label"].fillna(-1)]
    labels = labels.assign(label=np.array(words, object))
    _write(images[list(IMAGE_FIELDS)], folder / "images.csv")
    _write(labels[list(LABEL_FIELDS)], folder / "labels.csv")
    files = [_file(folder, name) for name in ("images.csv", "labels.csv")]
    pictures = request.images != "uri"
    licence = licence_page(request.licence) or request.licence
    sets = [
        _record_set("images", IMAGE_FIELDS, "one row per image", pictures=pictures),
        _record_set("labels", LABEL_FIELDS, "one row per image and class: yes, no or unknown"),
    ]
    if pictures:
        files.append(_pictures(data))
    content = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": "photos",
        "description": "Photos with labels of many classes; see README.md.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "version": "1.0.0",
        "datePublished": request.created,
        **({"license": licence} if licence else {}),
        "distribution": files,
        "recordSet": sets,
    }
    write_json(folder / "croissant.json", content)
    return ["croissant.json", "images.csv", "labels.csv"]


def _write(frame: pd.DataFrame, path: Path) -> None:
    with atomic(path) as file:
        frame.to_csv(file, index=False, lineterminator="\n")


def _file(folder: Path, name: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": "text/csv",
        "sha256": sha256(folder / name),
    }


def _pictures(data: ExportData) -> dict[str, Any]:
    endings = sorted(set(data.images["suffix"]))
    return {
        "@type": "cr:FileSet",
        "@id": "pictures",
        "name": "pictures",
        "encodingFormat": sorted(
            {mimetypes.guess_type(f"a{ending}")[0] or "image/jpeg" for ending in endings}
        ),
        "includes": [f"images/*/*{ending}" for ending in endings],
    }


def _record_set(
    name: str, columns: tuple[str, ...], about: str, *, pictures: bool = False
) -> dict[str, Any]:
    fields = [_field(name, column) for column in columns]
    if pictures:  # joined with the rows by the files' names
        by_name = {"fileSet": {"@id": "pictures"}, "extract": {"fileProperty": "filename"}}
        fields[columns.index("file")]["references"] = by_name
        content = {"fileSet": {"@id": "pictures"}, "extract": {"fileProperty": "content"}}
        fields.append(_field(name, "image") | {"dataType": "sc:ImageObject", "source": content})
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": about,
        "field": fields,
    }


def _field(name: str, column: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{name}/{column}",
        "name": column,
        "dataType": "sc:Integer" if column in ("yes", "no") else "sc:Text",
        "source": {"fileObject": {"@id": f"{name}.csv"}, "extract": {"column": column}},
    }

"""What reportlab's canvas has no method for: an attached file (ISO 32000-1, 7.11) and a time of one's own."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import md5

from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFStream, PDFString, PDFZCompress
from reportlab.pdfgen.canvas import Canvas

from station.report.sign import ATTACHMENT


def attach(canvas: Canvas, data: bytes, description: str) -> None:
    """Attach the record to the document of `canvas`; the file states its size and its MD5, as the format wants it."""
    document = canvas._doc  # type: ignore[attr-defined]  # there is no public way to it
    file = PDFStream(content=data, filters=[PDFZCompress])
    file.dictionary["Type"] = PDFName("EmbeddedFile")
    checksum = PDFString(md5(data, usedforsecurity=False).digest(), enc="raw")
    file.dictionary["Params"] = PDFDictionary({"Size": len(data), "CheckSum": checksum})
    stored = document.Reference(file)
    specification = PDFDictionary(
        {
            "Type": PDFName("Filespec"),
            "F": PDFString(ATTACHMENT),
            "UF": PDFString(ATTACHMENT),
            "Desc": PDFString(description),
            "AFRelationship": PDFName("Data"),
            "EF": PDFDictionary({"F": stored, "UF": stored}),
        }
    )
    reference = document.Reference(specification)
    names = PDFDictionary({"Names": PDFArray([PDFString(ATTACHMENT), reference])})
    catalog = document.Catalog
    catalog.Names = PDFDictionary({"EmbeddedFiles": names})
    catalog.AF = PDFArray([reference])
    catalog.__NoDefault__ = [*catalog.__NoDefault__, "AF"]


def state_time(canvas: Canvas, moment: datetime) -> None:
    """Let the document say that it was made at `moment`; an invariant one would say 1 January 2000."""
    document = canvas._doc  # type: ignore[attr-defined]  # there is no public way to it
    document._timeStamp.YMDhms = moment.astimezone(UTC).timetuple()[:6]

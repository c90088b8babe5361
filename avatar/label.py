"""The label that says a picture was made by AI, in files and for people.

In the file it is XMP, `DigitalSourceType` = `trainedAlgorithmicMedia` (IPTC Photo Metadata
Standard 2023.1, 5.8; IPTC NewsCodes digitalsourcetype): in a PNG an iTXt chunk of the keyword that
XMP (ISO 16684-3, 5.1) names, in a JPEG an APP1 segment. A PNG says it in plain words too. The
packet is one constant, the same bytes in every language.
"""

from __future__ import annotations

from typing import Any

from PIL.PngImagePlugin import PngInfo

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""What the IPTC calls media made by a trained model."""

XMP = f"""\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
   <Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""
"""The XMP packet, to be written as UTF-8."""

PNG_XMP_KEYWORD = "XML:com.adobe.xmp"
PNG_TEXT = ("Comment", "AI-generated image (Pocket Avatar)")
"""Keyword and text of the entry in plain words."""


def save_options(kind: str) -> dict[str, Any]:
    """What Pillow's `Image.save` takes to write the label into a "PNG" or a "JPEG"."""
    if kind == "JPEG":
        return {"xmp": XMP.encode()}
    chunks = PngInfo()
    chunks.add_itxt(PNG_XMP_KEYWORD, XMP)
    chunks.add_text(*PNG_TEXT)
    return {"pnginfo": chunks}

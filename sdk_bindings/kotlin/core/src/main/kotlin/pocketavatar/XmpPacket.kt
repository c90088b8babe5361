package pocketavatar

/** The XMP packet (ISO 16684-1, section 7.3) of a labelled picture, in UTF-8. Every language writes the same bytes. */
internal const val XMP_PACKET: String =
    "<?xpacket begin=\"\uFEFF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n" +
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n" +
        " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n" +
        "  <rdf:Description rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\">\n" +
        "   <Iptc4xmpExt:DigitalSourceType>${AiLabel.DIGITAL_SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>\n" +
        "  </rdf:Description>\n" +
        " </rdf:RDF>\n" +
        "</x:xmpmeta>\n" +
        "<?xpacket end=\"r\"?>"

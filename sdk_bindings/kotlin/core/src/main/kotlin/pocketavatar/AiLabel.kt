package pocketavatar

/**
 * Labels a picture as AI-generated, both for software and for people.
 *
 * Software reads IPTC's `DigitalSourceType` from the file's XMP packet, and in PNG also a text entry.
 * People read [DISCLOSURE] on the screen: show it beside an avatar wherever it is seen for the first
 * time, and show [EXPLANATION] to people who ask.
 */
public object AiLabel {
    /** The text for people. Show it beside an avatar. */
    public const val DISCLOSURE: String = "AI-generated"

    /** A sentence that explains [DISCLOSURE], for people who tap it. */
    public const val EXPLANATION: String =
        "This picture was drawn by an AI model on this device; files made of it say so."

    /** The text entry `Comment` of PNG files. */
    public const val COMMENT: String = "AI-generated image (Pocket Avatar)"

    /** The value of IPTC's Digital Source Type in the XMP packet of every file. */
    public const val DIGITAL_SOURCE_TYPE: String =
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

    /**
     * Adds the label to a PNG file, before its picture data. Use it once per file.
     *
     * @return The labelled file.
     * @throws IllegalArgumentException [png] is not a PNG file.
     */
    public fun inPng(png: ByteArray): ByteArray {
        require(png.startsWith(Png.SIGNATURE) && png.size > PNG_HEADER) { "not a PNG file" }
        val xmp = ascii("XML:com.adobe.xmp") + ByteArray(5) + XMP_PACKET.toByteArray()
        val comment = ascii("Comment") + ByteArray(1) + ascii(COMMENT)
        return png.copyOf(PNG_HEADER) + Png.chunk("iTXt", xmp) + Png.chunk("tEXt", comment) +
            png.copyOfRange(PNG_HEADER, png.size)
    }

    /**
     * Adds the label to a JPEG file, after its JFIF header if it has one. Use it once per file.
     *
     * @return The labelled file.
     * @throws IllegalArgumentException [jpeg] is not a JPEG file.
     */
    public fun inJpeg(jpeg: ByteArray): ByteArray {
        require(jpeg.startsWith(JPEG_START) && jpeg.size > 6) { "not a JPEG file" }
        val content = ascii("http://ns.adobe.com/xap/1.0/") + ByteArray(1) + XMP_PACKET.toByteArray()
        val length = content.size + 2
        val segment = byteArrayOf(-1, APP1, (length shr 8).toByte(), length.toByte()) + content
        val at = if (jpeg[3] == APP0) 4 + unsigned(jpeg[4]) * 256 + unsigned(jpeg[5]) else 2
        require(at <= jpeg.size) { "not a JPEG file" }
        return jpeg.copyOf(at) + segment + jpeg.copyOfRange(at, jpeg.size)
    }

    private fun ascii(text: String): ByteArray = text.toByteArray(Charsets.US_ASCII)

    private fun unsigned(byte: Byte): Int = byte.toInt() and 255

    private fun ByteArray.startsWith(start: ByteArray): Boolean =
        size >= start.size && start.indices.all { this[it] == start[it] }

    /** The size of the signature and of the header chunk, which must be the first chunk. */
    private const val PNG_HEADER = 8 + 25

    private val JPEG_START = byteArrayOf(-1, -40, -1)
    private const val APP0: Byte = -32
    private const val APP1: Byte = -31
}

package pocketavatar

/**
 * Says in a picture file that it is AI-made, where other software looks for that: the IPTC's
 * `DigitalSourceType` in XMP, and in PNG a comment in words.
 *
 * People are told too: show [CAPTION] next to an avatar wherever it is seen for the first time, and
 * [EXPLANATION] to whoever asks.
 */
public object AiLabel {
    /** To be shown with an avatar. */
    public const val CAPTION: String = "AI-generated"

    /** A sentence for whoever taps the caption. */
    public const val EXPLANATION: String =
        "This picture was drawn by an AI model on this device; files made of it say so."

    /** The PNG text entry, under the keyword `Comment`. */
    public const val COMMENT: String = "AI-generated image (Pocket Avatar)"

    /** IPTC NewsCodes, digital source type. */
    public const val DIGITAL_SOURCE_TYPE: String =
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

    /**
     * A PNG file with the label, before its picture data.
     *
     * @throws IllegalArgumentException [png] is no PNG file.
     */
    public fun inPng(png: ByteArray): ByteArray {
        require(png.startsWith(Png.SIGNATURE) && png.size > PNG_HEADER) { "not a PNG file" }
        val xmp = ascii("XML:com.adobe.xmp") + ByteArray(5) + XMP_PACKET.toByteArray()
        val comment = ascii("Comment") + ByteArray(1) + ascii(COMMENT)
        return png.copyOf(PNG_HEADER) + Png.chunk("iTXt", xmp) + Png.chunk("tEXt", comment) +
            png.copyOfRange(PNG_HEADER, png.size)
    }

    /**
     * A JPEG file with the label, after its JFIF header where it has one.
     *
     * @throws IllegalArgumentException [jpeg] is no JPEG file.
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

    /** Signature and the header chunk, which must be the first. */
    private const val PNG_HEADER = 8 + 25

    private val JPEG_START = byteArrayOf(-1, -40, -1)
    private const val APP0: Byte = -32
    private const val APP1: Byte = -31
}

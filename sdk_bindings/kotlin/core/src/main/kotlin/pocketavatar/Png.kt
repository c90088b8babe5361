package pocketavatar

import java.io.ByteArrayOutputStream
import java.io.DataOutputStream
import java.util.zip.CRC32
import java.util.zip.Deflater

/** Encodes PNG files (ISO/IEC 15948) in 8-bit sRGB without transparency, which is all that avatars need. */
internal object Png {
    val SIGNATURE: ByteArray = byteArrayOf(-119, 80, 78, 71, 13, 10, 26, 10)

    /** Returns a PNG file of [pixels], row by row from the top, each `0xFFRRGGBB`. */
    fun encode(width: Int, height: Int, pixels: IntArray): ByteArray {
        val header = bytes { writeInt(width).also { writeInt(height) }.also { write(HEADER_END) } }
        val perceptual = byteArrayOf(0)
        return SIGNATURE + chunk("IHDR", header) + chunk("sRGB", perceptual) +
            chunk("IDAT", deflate(rows(width, height, pixels))) + chunk("IEND", ByteArray(0))
    }

    /** Returns one chunk: length, type, data and CRC-32. */
    fun chunk(type: String, data: ByteArray): ByteArray =
        bytes {
            val name = type.toByteArray(Charsets.ISO_8859_1)
            writeInt(data.size)
            write(name)
            write(data)
            writeInt(
                CRC32()
                    .apply { update(name) }
                    .apply { update(data) }
                    .value
                    .toInt(),
            )
        }

    /**
     * Returns rows of RGB, each after its filter type. The type is 0 (none), which compresses drawings
     * with flat colours well.
     */
    private fun rows(width: Int, height: Int, pixels: IntArray): ByteArray {
        val rows = ByteArray(height * (1 + 3 * width))
        var at = 0
        for (y in 0 until height) {
            at++
            for (x in 0 until width) {
                val pixel = pixels[y * width + x]
                rows[at++] = (pixel shr 16).toByte()
                rows[at++] = (pixel shr 8).toByte()
                rows[at++] = pixel.toByte()
            }
        }
        return rows
    }

    private fun deflate(data: ByteArray): ByteArray {
        val deflater = Deflater(Deflater.BEST_COMPRESSION)
        try {
            deflater.setInput(data)
            deflater.finish()
            val out = ByteArrayOutputStream()
            val part = ByteArray(1 shl 15)
            while (!deflater.finished()) out.write(part, 0, deflater.deflate(part))
            return out.toByteArray()
        } finally {
            deflater.end()
        }
    }

    private inline fun bytes(write: DataOutputStream.() -> Unit): ByteArray =
        ByteArrayOutputStream().also { DataOutputStream(it).write() }.toByteArray()

    /** The end of the header: bit depth 8, colour type RGB, and methods 0 for compression, filter, interlace. */
    private val HEADER_END = byteArrayOf(8, 2, 0, 0, 0)
}

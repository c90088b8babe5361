package pocketavatar.example.pictures

import java.awt.color.ICC_Profile
import java.io.IOException
import java.nio.BufferUnderflowException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.InflaterInputStream

/** Returns the EXIF orientation, 1 to 8. It is 1 if there is none or if the metadata is damaged. */
internal fun exifOrientation(file: ByteArray): Int = orNull { exifIn(file)?.let(::orientationIn) } ?: 1

/** Returns the colour profile of a PNG file. The JDK's decoder finds the profile of a JPEG file itself. */
internal fun iccProfileIn(file: ByteArray): ICC_Profile? =
    orNull {
        val chunk = if (isPng(file)) pngChunk(file, "iCCP") else null
        chunk?.let { bytes ->
            while (bytes.get() != 0.toByte()) continue // Skips the name of the profile.
            bytes.get() // Skips the compression method, of which there is only one.
            val rest = ByteArray(bytes.remaining()).also { bytes.get(it) }
            ICC_Profile.getInstance(InflaterInputStream(rest.inputStream()))
        }
    }

private fun exifIn(file: ByteArray): ByteBuffer? = if (isPng(file)) pngChunk(file, "eXIf") else jpegExif(file)

private fun isPng(file: ByteArray): Boolean = file.size > 8 && file[1] == 'P'.code.toByte()

/** Returns the data of the first chunk of this type before the pixels, or null (ISO/IEC 15948, 5.3). */
private fun pngChunk(png: ByteArray, type: String): ByteBuffer? {
    val bytes = ByteBuffer.wrap(png)
    bytes.position(8)
    while (true) {
        val length = bytes.getInt()
        val found = String(ByteArray(4).also { bytes.get(it) }, Charsets.ISO_8859_1)
        if (found == type) return bytes.slice().limit(length) as ByteBuffer
        if (found == "IDAT") return null
        bytes.position(bytes.position() + length + 4)
    }
}

/** Returns the TIFF structure in the APP1 segment, or null (EXIF 2.32, 4.7.2). */
private fun jpegExif(jpeg: ByteArray): ByteBuffer? {
    val bytes = ByteBuffer.wrap(jpeg)
    bytes.position(2)
    while (bytes.get() == MARKER) {
        val kind = bytes.get()
        val length = (bytes.getShort().toInt() and 0xFFFF) - 2
        val segment = bytes.slice().limit(length) as ByteBuffer
        bytes.position(bytes.position() + length)
        if (kind == APP1 && length > EXIF.size && EXIF.all { segment.get() == it }) return segment.slice()
        if (kind == SCAN) return null
    }
    return null
}

/** Returns the value of tag 0x0112 in the first directory, or null (TIFF 6.0, section 2). */
private fun orientationIn(tiff: ByteBuffer): Int? {
    tiff.order(if (tiff.get(0) == 'I'.code.toByte()) ByteOrder.LITTLE_ENDIAN else ByteOrder.BIG_ENDIAN)
    val directory = tiff.getInt(4)
    val entries = (0 until tiff.getShort(directory)).map { directory + 2 + 12 * it }
    val entry = entries.find { tiff.getShort(it) == ORIENTATION } ?: return null
    return tiff.getShort(entry + 8).toInt().takeIf { it in 1..8 }
}

/** Returns null if the metadata is damaged. Picture viewers treat damaged metadata as none, too. */
private inline fun <T> orNull(read: () -> T?): T? =
    try {
        read()
    } catch (_: BufferUnderflowException) {
        null
    } catch (_: IndexOutOfBoundsException) {
        null
    } catch (_: IllegalArgumentException) {
        null
    } catch (_: IOException) {
        null
    }

private val EXIF = "Exif".toByteArray() + ByteArray(2)
private const val MARKER: Byte = -1
private const val APP1 = 0xE1.toByte()
private const val SCAN = 0xDA.toByte()
private const val ORIENTATION: Short = 0x0112

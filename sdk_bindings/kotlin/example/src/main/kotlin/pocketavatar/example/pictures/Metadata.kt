package pocketavatar.example.pictures

import java.awt.color.ICC_Profile
import java.io.IOException
import java.nio.BufferUnderflowException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.InflaterInputStream

/** The EXIF orientation, 1 to 8; 1 where there is none or the metadata is damaged. */
internal fun exifOrientation(file: ByteArray): Int = orNull { exifIn(file)?.let(::orientationIn) } ?: 1

/** A PNG file's colour profile; those of JPEG files the JDK's decoder finds. */
internal fun iccProfileIn(file: ByteArray): ICC_Profile? =
    orNull {
        val chunk = if (isPng(file)) pngChunk(file, "iCCP") else null
        chunk?.let { bytes ->
            while (bytes.get() != 0.toByte()) continue // its name
            bytes.get() // the one compression there is
            val rest = ByteArray(bytes.remaining()).also { bytes.get(it) }
            ICC_Profile.getInstance(InflaterInputStream(rest.inputStream()))
        }
    }

private fun exifIn(file: ByteArray): ByteBuffer? = if (isPng(file)) pngChunk(file, "eXIf") else jpegExif(file)

private fun isPng(file: ByteArray): Boolean = file.size > 8 && file[1] == 'P'.code.toByte()

/** The data of a chunk before the picture's (ISO/IEC 15948, 5.3). */
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

/** The TIFF structure in the APP1 segment that EXIF 2.32, 4.7.2 describes. */
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

/** The value of tag 0x0112 in the first directory (TIFF 6.0, section 2). */
private fun orientationIn(tiff: ByteBuffer): Int? {
    tiff.order(if (tiff.get(0) == 'I'.code.toByte()) ByteOrder.LITTLE_ENDIAN else ByteOrder.BIG_ENDIAN)
    val directory = tiff.getInt(4)
    val entries = (0 until tiff.getShort(directory)).map { directory + 2 + 12 * it }
    val entry = entries.find { tiff.getShort(it) == ORIENTATION } ?: return null
    return tiff.getShort(entry + 8).toInt().takeIf { it in 1..8 }
}

/** Damaged metadata of a sound picture: as if there were none, as viewers do. */
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

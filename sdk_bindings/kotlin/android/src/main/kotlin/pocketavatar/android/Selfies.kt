package pocketavatar.android

import android.content.Context
import android.graphics.Bitmap
import android.net.Uri
import pocketavatar.Selfie
import java.io.IOException
import java.io.InputStream
import kotlin.math.min

/**
 * Creates a selfie from the picture at a content URI, for example one of the system's picture picker.
 *
 * The formats are PNG, JPEG, WebP, and from Android 9 on HEIC. The library reads the file when it
 * needs it, and applies the EXIF orientation. From Android 8 on it also applies the embedded colour
 * profile.
 */
public fun selfieOf(context: Context, uri: Uri): Selfie {
    val resolver = context.applicationContext.contentResolver
    return Selfie {
        val bytes =
            try {
                resolver.openInputStream(uri)?.use { readAll(it) }
            } catch (error: SecurityException) {
                throw IOException("this app may not read it", error)
            }
        decodeAndWipe(bytes ?: throw IOException("there is no picture"))
    }
}

/**
 * Creates a selfie from the bytes of a picture file, in the formats that `selfieOf(context, uri)` reads.
 * The library does not change the bytes.
 */
public fun selfieOf(bytes: ByteArray): Selfie = Selfie { decodeAndWipe(bytes.clone()) }

/** Creates a selfie from an upright bitmap. The library does not change the bitmap. */
public fun selfieOf(bitmap: Bitmap): Selfie =
    Selfie {
        // The pixels of a hardware bitmap cannot be read, so it is copied.
        val copy = bitmap.copy(Bitmap.Config.ARGB_8888, true) ?: throw IOException("the bitmap is recycled")
        BitmapPicture(copy, 1)
    }

/**
 * Returns all bytes of a stream.
 *
 * It collects them in [parts] and sets these to 0 afterwards, also if reading fails. A growing array
 * would leave its smaller predecessors in memory.
 *
 * @throws IOException the stream cannot be read, or has more than [MAX_BYTES] bytes.
 */
internal fun readAll(stream: InputStream, parts: MutableList<ByteArray> = ArrayList()): ByteArray {
    try {
        val size = fill(parts, stream)
        return joined(parts, size)
    } finally {
        parts.forEach { it.fill(0) }
    }
}

/** Adds as many parts as [stream] needs, and returns the number of bytes in the stream. */
private fun fill(parts: MutableList<ByteArray>, stream: InputStream): Int {
    var size = 0
    while (true) {
        val at = size % PART_BYTES
        if (size == parts.size * PART_BYTES) parts += ByteArray(PART_BYTES)
        val count = stream.read(parts.last(), at, PART_BYTES - at)
        if (count < 0) return size
        size += count
        if (size > MAX_BYTES) throw IOException("more than ${MAX_BYTES shr 20} MiB")
    }
}

private fun joined(parts: List<ByteArray>, size: Int): ByteArray {
    val whole = ByteArray(size)
    parts.forEachIndexed { index, part ->
        val start = index * PART_BYTES
        part.copyInto(whole, start, 0, min(PART_BYTES, size - start))
    }
    return whole
}

private const val PART_BYTES = 1 shl 16

/** The largest file. No camera writes larger files for pictures of at most 120 million pixels. */
private const val MAX_BYTES = 128 shl 20

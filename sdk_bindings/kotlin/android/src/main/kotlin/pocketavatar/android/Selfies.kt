package pocketavatar.android

import android.content.Context
import android.graphics.Bitmap
import android.net.Uri
import pocketavatar.Selfie
import java.io.ByteArrayOutputStream
import java.io.IOException
import java.io.InputStream

/**
 * The picture behind a content URI, such as the system's picture picker gives: PNG, JPEG, WebP, or
 * HEIC from Android 9 on. It is read when its turn comes, upright and in sRGB (before Android 8 a
 * colour profile in the file is ignored).
 */
public fun selfieOf(context: Context, uri: Uri): Selfie {
    val resolver = context.applicationContext.contentResolver
    return Selfie {
        val bytes =
            try {
                resolver.openInputStream(uri)?.use(::readAll)
            } catch (error: SecurityException) {
                throw IOException("this app may not read it", error)
            }
        decodeAndWipe(bytes ?: throw IOException("there is no picture"))
    }
}

/** A picture file in memory; formats as above. The bytes stay the app's and are not changed. */
public fun selfieOf(bytes: ByteArray): Selfie = Selfie { decodeAndWipe(bytes.clone()) }

/** A picture that the app holds as a bitmap, upright. It stays the app's and is not changed. */
public fun selfieOf(bitmap: Bitmap): Selfie =
    Selfie {
        // A copy, because hardware bitmaps have no pixels to read.
        val copy = bitmap.copy(Bitmap.Config.ARGB_8888, true) ?: throw IOException("the bitmap is recycled")
        BitmapPicture(copy, 1)
    }

/** A whole stream, at most [MAX_BYTES] of it. */
private fun readAll(stream: InputStream): ByteArray {
    val bytes = WipedStream()
    val part = ByteArray(1 shl 16)
    try {
        while (true) {
            val count = stream.read(part)
            if (count < 0) return bytes.toByteArray()
            bytes.write(part, 0, count)
            if (bytes.size() > MAX_BYTES) throw IOException("more than ${MAX_BYTES shr 20} MiB")
        }
    } finally {
        part.fill(0)
        bytes.wipe()
    }
}

private class WipedStream : ByteArrayOutputStream() {
    fun wipe() = buf.fill(0)
}

/** No camera writes larger files of pictures that may be read. */
private const val MAX_BYTES = 128 shl 20

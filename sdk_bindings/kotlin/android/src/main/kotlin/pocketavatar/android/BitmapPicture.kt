package pocketavatar.android

import android.graphics.Bitmap
import pocketavatar.Picture

/** A bitmap of the library's own: erased when closed. */
internal class BitmapPicture(
    val bitmap: Bitmap,
    override val orientation: Int,
) : Picture {
    override val width: Int get() = bitmap.width
    override val height: Int get() = bitmap.height

    /** Android converts to sRGB here, from Android 8 on, and undoes a multiplication by alpha. */
    override fun readRow(left: Int, y: Int, count: Int, into: IntArray) {
        bitmap.getPixels(into, 0, count, left, y, count, 1)
    }

    override fun close() {
        bitmap.eraseColor(0)
        bitmap.recycle()
    }
}

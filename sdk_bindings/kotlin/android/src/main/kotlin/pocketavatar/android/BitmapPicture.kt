package pocketavatar.android

import android.graphics.Bitmap
import pocketavatar.Picture

/** A picture in a bitmap that belongs to the library. [close] erases the bitmap. */
internal class BitmapPicture(
    val bitmap: Bitmap,
    override val orientation: Int,
) : Picture {
    override val width: Int get() = bitmap.width
    override val height: Int get() = bitmap.height

    /** `getPixels` converts to sRGB, from Android 8 on, and undoes premultiplication. */
    override fun readRow(left: Int, y: Int, count: Int, into: IntArray) {
        bitmap.getPixels(into, 0, count, left, y, count, 1)
    }

    override fun close() {
        bitmap.eraseColor(0)
        bitmap.recycle()
    }
}

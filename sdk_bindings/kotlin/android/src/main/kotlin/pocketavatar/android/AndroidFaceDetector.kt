package pocketavatar.android

import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Matrix
import android.graphics.Paint
import android.graphics.PointF
import pocketavatar.Face
import pocketavatar.FaceDetector
import pocketavatar.Picture
import kotlin.math.max
import android.media.FaceDetector as Detector

/** Android's own detector, `android.media.FaceDetector`: on the device, without Play services. */
public class AndroidFaceDetector : FaceDetector {
    override fun faces(picture: Picture): List<Face> {
        val small = upright(picture)
        try {
            val found = arrayOfNulls<Detector.Face>(MOST)
            val count = Detector(small.bitmap.width, small.bitmap.height, MOST).findFaces(small.bitmap, found)
            return found.take(count).filterNotNull().map { face ->
                val middle = PointF().also(face::getMidPoint)
                boxOf(middle.x.toDouble(), middle.y.toDouble(), face.eyesDistance().toDouble(), small.scale)
            }
        } finally {
            small.bitmap.eraseColor(0)
            small.bitmap.recycle()
        }
    }
}

/** More faces than this make no difference. */
private const val MOST = 8

/** A small upright copy, as the detector wants it, and its size by the picture's. */
internal class SmallCopy(
    val bitmap: Bitmap,
    val scale: Double,
)

/** RGB 565 of even width, its longer side at most [longest]. */
internal fun upright(picture: Picture, longest: Int = 640): SmallCopy {
    val turned = picture.orientation >= 5
    val width = if (turned) picture.height else picture.width
    val height = if (turned) picture.width else picture.height
    val scale = minOf(1.0, longest.toDouble() / max(width, height))
    val even = max(2, (width * scale).toInt() / 2 * 2)
    val small = Bitmap.createBitmap(even, max(1, (height * scale).toInt()), Bitmap.Config.RGB_565)
    val matrix = turning(picture.orientation, picture.width.toFloat(), picture.height.toFloat())
    matrix.postScale(scale.toFloat(), scale.toFloat())
    val canvas = Canvas(small).apply { drawColor(-1) }
    withBitmap(picture) { canvas.drawBitmap(it, matrix, Paint(Paint.FILTER_BITMAP_FLAG)) }
    return SmallCopy(small, scale)
}

/** From stored to upright pixels (EXIF 2.32, 4.6.4 A). */
private fun turning(orientation: Int, width: Float, height: Float): Matrix =
    Matrix().apply {
        if (orientation in setOf(2, 3, 7, 8)) postScale(-1f, 1f, width / 2, 0f)
        if (orientation in setOf(3, 4, 6, 7)) postScale(1f, -1f, 0f, height / 2)
        if (orientation >= 5) postConcat(Matrix().apply { setValues(floatArrayOf(0f, 1f, 0f, 1f, 0f, 0f, 0f, 0f, 1f)) })
    }

private inline fun withBitmap(picture: Picture, use: (Bitmap) -> Unit) {
    if (picture is BitmapPicture) {
        // Canvas refuses it otherwise; selfies are opaque, so their pixels are the same either way.
        picture.bitmap.isPremultiplied = true
        use(picture.bitmap)
        picture.bitmap.isPremultiplied = false
        return
    }
    val copy = Bitmap.createBitmap(picture.width, picture.height, Bitmap.Config.ARGB_8888)
    val row = IntArray(picture.width)
    try {
        for (y in 0 until picture.height) {
            picture.readRow(0, y, row.size, row)
            copy.setPixels(row, 0, row.size, 0, y, row.size, 1)
        }
        use(copy)
    } finally {
        row.fill(0)
        copy.eraseColor(0)
        copy.recycle()
    }
}

/**
 * The detector gives the middle between the eyes and their distance. The box is the one that OpenCV's
 * frontal cascade was trained on, which the rules' limits were found with: the eyes are 0.4 of its
 * width apart and 0.1 of its height above its centre.
 */
internal fun boxOf(x: Double, y: Double, eyes: Double, scale: Double): Face {
    val side = 2.5 * eyes / scale
    return Face(
        left = x / scale - side / 2,
        top = y / scale + 0.1 * side - side / 2,
        width = side,
        height = side,
    )
}

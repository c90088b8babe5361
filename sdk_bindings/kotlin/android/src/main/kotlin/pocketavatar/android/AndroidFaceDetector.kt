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

/** Finds faces with `android.media.FaceDetector`, which runs on the device and without Play services. */
public class AndroidFaceDetector : FaceDetector {
    override fun faces(picture: Picture): List<Face> {
        val small = upright(picture)
        try {
            val found = arrayOfNulls<Detector.Face>(MAX_FACES)
            val count = Detector(small.bitmap.width, small.bitmap.height, MAX_FACES).findFaces(small.bitmap, found)
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

/** The largest number of faces that is looked for. The rules only distinguish none, one and several. */
private const val MAX_FACES = 8

/** A small upright copy of a picture for the detector, and its size divided by the picture's. */
internal class SmallCopy(
    val bitmap: Bitmap,
    val scale: Double,
)

/**
 * Returns a small upright copy of [picture], whose longer side is at most [longest] pixels. The
 * detector requires RGB 565 and an even width.
 */
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

/** Returns the matrix from stored to upright pixels (EXIF 2.32, 4.6.4 A). */
private fun turning(orientation: Int, width: Float, height: Float): Matrix =
    Matrix().apply {
        if (orientation in setOf(2, 3, 7, 8)) postScale(-1f, 1f, width / 2, 0f)
        if (orientation in setOf(3, 4, 6, 7)) postScale(1f, -1f, 0f, height / 2)
        if (orientation >= 5) postConcat(Matrix().apply { setValues(floatArrayOf(0f, 1f, 0f, 1f, 0f, 0f, 0f, 0f, 1f)) })
    }

private inline fun withBitmap(picture: Picture, use: (Bitmap) -> Unit) {
    if (picture is BitmapPicture) {
        // Canvas only draws premultiplied bitmaps. Selfies are opaque, so their pixels do not change.
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
 * Returns the bounding box of a face.
 *
 * The detector reports the point ([x], [y]) between the eyes and their distance. The limits of the
 * rules were chosen with OpenCV's frontal cascade. In the boxes that it was trained on, the distance of
 * the eyes is 0.4 of the width, and they are 0.1 of the height above the centre.
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

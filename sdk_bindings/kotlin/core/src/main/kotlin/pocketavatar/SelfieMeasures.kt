package pocketavatar

import java.nio.DoubleBuffer
import java.nio.FloatBuffer
import kotlin.math.abs
import kotlin.math.hypot
import kotlin.math.min
import kotlin.math.sqrt

/**
 * Returns the measures of the decoded picture: its side, and the face measures if a detector ran.
 *
 * @param faces The faces in the upright picture, or null if there is no face detector.
 */
internal fun measuresOf(picture: Picture, faces: List<Face>?): Map<SelfieRule, Double> {
    val side = min(picture.width, picture.height).toDouble()
    val measures = mutableMapOf(SelfieRule.SIDE to side)
    if (faces != null) measures[SelfieRule.FACES] = faces.size.toDouble()
    faces?.singleOrNull()?.let { face ->
        val right = face.left + face.width / 2 - picture.uprightWidth / 2.0
        val down = face.top + face.height / 2 - picture.uprightHeight / 2.0
        measures[SelfieRule.FACE_SIZE] = face.width / side
        measures[SelfieRule.FACE_OFFSET] = hypot(right, down) / side
    }
    return measures
}

/**
 * Returns the measures of the luma of a prepared selfie, (3,size,size) sRGB in [0,1].
 *
 * Luma uses the weights of Rec. 709 on the sRGB values as they are. Sums are in double precision.
 */
internal fun measuresOf(prepared: FloatBuffer, size: Int, buffers: Buffers): Map<SelfieRule, Double> {
    val luma = lumaOf(prepared, buffers)
    val mean = luma.meanOf { it }
    val contrast = sqrt(luma.meanOf { (it - mean) * (it - mean) })
    return mapOf(
        SelfieRule.BRIGHTNESS to mean,
        SelfieRule.CONTRAST to contrast,
        SelfieRule.SHARPNESS to if (contrast >= FLAT) edges(luma, size) / contrast else 0.0,
    )
}

/** The contrast below which only rounding errors are left. */
private const val FLAT = 1e-6

private fun lumaOf(prepared: FloatBuffer, buffers: Buffers): DoubleBuffer {
    val count = prepared.capacity() / 3
    val luma = buffers.doubles(count)
    for (i in 0 until count) {
        luma.put(i, 0.2126 * prepared[i] + 0.7152 * prepared[count + i] + 0.0722 * prepared[2 * count + i])
    }
    return luma
}

private inline fun DoubleBuffer.meanOf(value: (Double) -> Double): Double {
    var sum = 0.0
    for (i in 0 until capacity()) sum += value(this[i])
    return sum / capacity()
}

/** Returns the root mean square of the discrete Laplacian over the inner pixels. */
private fun edges(luma: DoubleBuffer, size: Int): Double {
    var sum = 0.0
    for (y in 1 until size - 1) {
        for (at in y * size + 1 until (y + 1) * size - 1) {
            val edge = 4 * luma[at] - luma[at - size] - luma[at + size] - luma[at - 1] - luma[at + 1]
            sum += edge * edge
        }
    }
    return sqrt(sum / ((size - 2) * (size - 2)))
}

/** Returns the mean absolute difference of two prepared selfies. */
internal fun meanDifference(a: FloatBuffer, b: FloatBuffer): Double {
    var sum = 0.0
    for (i in 0 until a.capacity()) sum += abs(a[i].toDouble() - b[i])
    return sum / a.capacity()
}

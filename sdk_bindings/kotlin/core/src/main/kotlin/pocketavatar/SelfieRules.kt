package pocketavatar

import java.nio.DoubleBuffer
import java.nio.FloatBuffer
import kotlin.math.abs
import kotlin.math.hypot
import kotlin.math.min
import kotlin.math.sqrt

/** Applies the artifact's limits to what is measured. */
internal class SelfieRules(
    private val limits: List<Limits>,
) {
    /** The refusal of so many selfies, if any. It stands alone, before any picture is opened. */
    fun ofCount(selfies: Int): List<Refusal> = refusals(null, mapOf(Rule.COUNT to selfies.toDouble()))

    /** The refusals of one selfie, whose prepared pixels come after the [earlier] ones'. */
    fun ofSelfie(
        selfie: Int,
        measures: Map<Rule, Double>,
        prepared: FloatBuffer,
        earlier: List<FloatBuffer>,
    ): List<Refusal> {
        val differences = earlier.map { meanDifference(prepared, it) }
        val nearest = differences.indices.minByOrNull(differences::get)
        val all = if (nearest == null) measures else measures + (Rule.DIFFERENCE to differences[nearest])
        return refusals(selfie, all, nearest)
    }

    private fun refusals(selfie: Int?, found: Map<Rule, Double>, nearest: Int? = null): List<Refusal> =
        limits.mapNotNull { limits ->
            val value = found[limits.rule] ?: return@mapNotNull null
            val broken = limits.brokenBy(value) ?: return@mapNotNull null
            val earlier = nearest.takeIf { limits.rule == Rule.DIFFERENCE }
            Refusal(selfie, limits.rule, value, broken, earlier, limits.about)
        }
}

/** Measures of the picture itself; of faces where somebody looked for them. */
internal fun measuresOf(picture: Picture, faces: List<Face>?): Map<Rule, Double> {
    val side = min(picture.width, picture.height).toDouble()
    val measures = mutableMapOf(Rule.SIDE to side)
    if (faces != null) measures[Rule.FACES] = faces.size.toDouble()
    faces?.singleOrNull()?.let { face ->
        val right = face.left + face.width / 2 - picture.uprightWidth / 2.0
        val down = face.top + face.height / 2 - picture.uprightHeight / 2.0
        measures[Rule.FACE_SIZE] = face.width / side
        measures[Rule.FACE_OFFSET] = hypot(right, down) / side
    }
    return measures
}

/**
 * Measures of a prepared selfie, (3,size,size) in [0,1]: of its luma, with Rec. 709's weights on the
 * sRGB values as they are, in double precision.
 */
internal fun measuresOf(prepared: FloatBuffer, size: Int, buffers: Buffers): Map<Rule, Double> {
    val luma = lumaOf(prepared, buffers)
    val mean = luma.meanOf { it }
    val contrast = sqrt(luma.meanOf { (it - mean) * (it - mean) })
    return mapOf(
        Rule.BRIGHTNESS to mean,
        Rule.CONTRAST to contrast,
        Rule.SHARPNESS to if (contrast >= FLAT) edges(luma, size) / contrast else 0.0,
    )
}

/** The contrast below which there is nothing but rounding. */
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

/** Root mean square of the discrete Laplacian over the inner pixels. */
private fun edges(luma: DoubleBuffer, size: Int): Double {
    var sum = 0.0
    for (y in 1 until size - 1) {
        for (at in y * size + 1 until (y + 1) * size - 1) {
            val bend = 4 * luma[at] - luma[at - size] - luma[at + size] - luma[at - 1] - luma[at + 1]
            sum += bend * bend
        }
    }
    return sqrt(sum / ((size - 2) * (size - 2)))
}

/** Mean of |a − b|. */
private fun meanDifference(a: FloatBuffer, b: FloatBuffer): Double {
    var sum = 0.0
    for (i in 0 until a.capacity()) sum += abs(a[i].toDouble() - b[i])
    return sum / a.capacity()
}

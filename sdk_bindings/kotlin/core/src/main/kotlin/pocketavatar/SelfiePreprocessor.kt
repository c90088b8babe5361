package pocketavatar

import java.nio.FloatBuffer
import kotlin.math.max
import kotlin.math.min

/**
 * Converts a picture to the identity encoder's input.
 *
 * It composites the picture onto white, turns it upright, crops the centre square, whose offset is
 * rounded down, and resizes it to [size]×[size] in float32. When it shrinks, it averages over the area
 * that each new pixel covers, fractions of old pixels included. When it enlarges, it interpolates
 * bilinearly with half-pixel centres.
 *
 * It reads each stored row once and adds it to the new rows that contain it. It turns the small
 * picture instead of the large one. That gives the same result, because the weights are symmetric.
 */
internal class SelfiePreprocessor(
    private val size: Int,
    private val buffers: Buffers,
) {
    private val sums = buffers.floats(3 * size)

    /** Writes (3,size,size) float32 in [0,1] to [out], which must hold zeros. */
    fun prepare(picture: Picture, out: FloatBuffer) {
        val turn = Turn(picture.orientation)
        val square = turn.centreSquare(picture.width, picture.height)
        val taps = List(size) { Taps.of(it, square.side, size) }
        val row = buffers.ints(square.side)
        for (y in 0 until square.side) {
            picture.readRow(square.left, square.top + y, square.side, row)
            sumColumns(row, taps)
            for ((index, tap) in taps.withIndex()) {
                val weight = tap.weightOf(y)
                if (weight != 0f) addRow(index, weight, turn, out)
            }
        }
        for (i in 0 until 3 * size * size) out.put(i, (out[i] / 255f).coerceIn(0f, 1f))
        row.fill(0)
    }

    /** Resizes one stored row along x and writes it to [sums] as (3,size). */
    private fun sumColumns(row: IntArray, taps: List<Taps>) {
        for (i in row.indices) row[i] = onWhite(row[i])
        for ((x, tap) in taps.withIndex()) {
            var red = 0f
            var green = 0f
            var blue = 0f
            for ((k, weight) in tap.weights.withIndex()) {
                val pixel = row[tap.first + k]
                red += weight * (pixel shr 16 and 255)
                green += weight * (pixel shr 8 and 255)
                blue += weight * (pixel and 255)
            }
            sums.put(x, red).put(size + x, green).put(2 * size + x, blue)
        }
    }

    private fun addRow(y: Int, weight: Float, turn: Turn, out: FloatBuffer) {
        for (x in 0 until size) {
            val at = turn.uprightIndex(x, y, size)
            for (channel in 0 until 3) {
                val index = channel * size * size + at
                out.put(index, out[index] + weight * sums[channel * size + x])
            }
        }
    }
}

/**
 * The consecutive old pixels that one new pixel is computed from along one axis, and their weights,
 * which sum to 1.
 */
internal class Taps(
    val first: Int,
    val weights: FloatArray,
) {
    fun weightOf(old: Int): Float = weights.getOrElse(old - first) { 0f }

    companion object {
        /** Returns the taps of the pixel [index] of [new] pixels that are computed from [old] pixels. */
        fun of(index: Int, old: Int, new: Int): Taps =
            if (old >= new) shrinking(index, old, new) else enlarging(index, old, new)

        /** In units of 1/new of an old pixel all edges are integers, so the coverage is exact. */
        private fun shrinking(index: Int, old: Int, new: Int): Taps {
            val start = index * old
            val stop = start + old
            val first = start / new
            val last = (stop + new - 1) / new
            val weights =
                FloatArray(last - first) {
                    val edge = (first + it) * new
                    ((min(edge + new, stop) - max(edge, start)).toDouble() / old).toFloat()
                }
            return Taps(first, weights)
        }

        private fun enlarging(index: Int, old: Int, new: Int): Taps {
            val centre = ((index + 0.5) * old / new - 0.5).coerceIn(0.0, old - 1.0)
            if (old == 1) return Taps(0, floatArrayOf(1f))
            val first = min(centre.toInt(), old - 2)
            val share = centre - first
            return Taps(first, floatArrayOf((1 - share).toFloat(), share.toFloat()))
        }
    }
}

/** A square of stored pixels. */
internal class Square(
    val left: Int,
    val top: Int,
    val side: Int,
)

/** Maps the stored pixels of a picture with this EXIF orientation to those of the upright picture. */
internal class Turn(
    orientation: Int,
) {
    private val swapped = orientation >= 5
    private val fromRight = orientation in setOf(2, 3, 7, 8)
    private val fromBottom = orientation in setOf(3, 4, 6, 7)

    /** Returns the stored pixels of the upright picture's centre square. */
    fun centreSquare(width: Int, height: Int): Square {
        val side = min(width, height)
        val x = (width - side) / 2
        val y = (height - side) / 2
        return Square(
            left = if (fromRight) width - side - x else x,
            top = if (fromBottom) height - side - y else y,
            side = side,
        )
    }

    /** Returns the stored point that is shown at a [point] of the upright picture. Sizes are the stored ones. */
    fun stored(point: FaceLandmarks.Point, width: Int, height: Int): FaceLandmarks.Point {
        val along = if (swapped) point.y else point.x
        val down = if (swapped) point.x else point.y
        return FaceLandmarks.Point(
            x = if (fromRight) width - along else along,
            y = if (fromBottom) height - down else down,
        )
    }

    /** Returns the index in the upright square of [size]×[size] of the pixel that is stored at ([x], [y]). */
    fun uprightIndex(x: Int, y: Int, size: Int): Int {
        val along = if (fromRight) size - 1 - x else x
        val down = if (fromBottom) size - 1 - y else y
        return if (swapped) along * size + down else down * size + along
    }
}

/** Composites a pixel onto white. It rounds as Pillow does: `t = x + 128; (t + (t >> 8)) >> 8`. */
internal fun onWhite(pixel: Int): Int {
    val alpha = pixel ushr 24
    if (alpha == 255) return pixel

    fun blend(value: Int): Int {
        val sum = value * alpha + 255 * (255 - alpha) + 128
        return ((sum shr 8) + sum) shr 8
    }
    val red = blend(pixel shr 16 and 255)
    val green = blend(pixel shr 8 and 255)
    return (255 shl 24) or (red shl 16) or (green shl 8) or blend(pixel and 255)
}

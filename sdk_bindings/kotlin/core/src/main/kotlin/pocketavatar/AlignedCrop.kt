package pocketavatar

import java.nio.FloatBuffer
import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.hypot
import kotlin.math.max
import kotlin.math.min

/**
 * Crops a face so that its landmarks lie where face networks expect them.
 *
 * The similarity `a·p + t`, in complex numbers, takes the landmarks to the template with the least
 * squares (Umeyama, IEEE PAMI 13, 1991). A pixel of the crop is the mean of n×n points in it, where n is
 * the number of the picture's pixels along its side, rounded up. Each of them is interpolated
 * bilinearly, and black outside of the picture. Only the part of the picture that the crop covers is
 * read.
 *
 * @param size The side of the crop in pixels.
 */
internal class AlignedCrop(
    private val size: Int,
    private val buffers: Buffers,
) {
    /**
     * Writes (3,size,size) float32 in [0,1] to [out].
     *
     * @throws IllegalArgumentException the landmarks coincide.
     */
    fun prepare(picture: Picture, face: FaceLandmarks, out: FloatBuffer) {
        val fit = Similarity.of(face.points, targets())
        val corners = listOf(0.0, size.toDouble()).flatMap { x ->
            listOf(0.0, size.toDouble()).map { fit.inverse(x, it) }
        }
        val part = UprightPart.read(picture, corners, buffers)
        val samples = max(1, ceil(1 / fit.scale).toInt())
        val colour = DoubleArray(3)
        for (at in 0 until size * size) {
            colour.fill(0.0)
            for (index in 0 until samples * samples) {
                val x = at % size + (index % samples + 0.5) / samples
                val y = at / size + (index / samples + 0.5) / samples
                part.addTo(colour, fit.inverse(x, y))
            }
            for (channel in 0 until 3) {
                out.put(channel * size * size + at, (colour[channel] / (255.0 * samples * samples)).toFloat())
            }
        }
        part.close()
    }

    private fun targets(): List<FaceLandmarks.Point> =
        TEMPLATE.map { (x, y) -> FaceLandmarks.Point((x + 0.5) * size / SIDE, (y + 0.5) * size / SIDE) }

    private companion object {
        const val SIDE = 112

        /**
         * Where landmarks lie in a crop of 112×112 pixels, from the centre of its first pixel (ArcFace,
         * arXiv 1801.07698).
         */
        val TEMPLATE =
            listOf(
                38.2946 to 51.6963,
                73.5318 to 51.5014,
                56.0252 to 71.7366,
                41.5493 to 92.3655,
                70.7299 to 92.2041,
            )
    }
}

/** The similarity `(ax + i·ay)·p + t`. */
private class Similarity(
    private val ax: Double,
    private val ay: Double,
    private val tx: Double,
    private val ty: Double,
) {
    val scale: Double = hypot(ax, ay)

    fun inverse(x: Double, y: Double): FaceLandmarks.Point {
        val right = x - tx
        val down = y - ty
        val square = scale * scale
        return FaceLandmarks.Point((ax * right + ay * down) / square, (ax * down - ay * right) / square)
    }

    companion object {
        fun of(points: List<FaceLandmarks.Point>, targets: List<FaceLandmarks.Point>): Similarity {
            val from = mean(points)
            val to = mean(targets)
            var real = 0.0
            var imaginary = 0.0
            var squares = 0.0
            for ((point, target) in points zip targets) {
                val px = point.x - from.x
                val py = point.y - from.y
                real += px * (target.x - to.x) + py * (target.y - to.y)
                imaginary += px * (target.y - to.y) - py * (target.x - to.x)
                squares += px * px + py * py
            }
            require(squares > 0 && hypot(real, imaginary).let { it > 0 && it.isFinite() }) { "all points are one" }
            val ax = real / squares
            val ay = imaginary / squares
            return Similarity(ax, ay, to.x - (ax * from.x - ay * from.y), to.y - (ax * from.y + ay * from.x))
        }

        private fun mean(points: List<FaceLandmarks.Point>) =
            FaceLandmarks.Point(points.sumOf { it.x } / points.size, points.sumOf { it.y } / points.size)
    }
}

/** The stored pixels of a rectangle of a picture, which are read as those of the upright picture. */
private class UprightPart(
    private val picture: Picture,
    private val left: Int,
    private val top: Int,
    private val width: Int,
    private val pixels: IntArray,
) {
    private val turn = Turn(picture.orientation)
    private val height = if (width == 0) 0 else pixels.size / width

    /** Adds red, green and blue at a point of the upright picture, 0 to 255. */
    fun addTo(colour: DoubleArray, point: FaceLandmarks.Point) {
        val stored = turn.stored(point, picture.width, picture.height)
        val x = stored.x - 0.5
        val y = stored.y - 0.5
        val column = floor(x)
        val row = floor(y)
        add(colour, column.toInt(), row.toInt(), (column + 1 - x) * (row + 1 - y))
        add(colour, column.toInt() + 1, row.toInt(), (x - column) * (row + 1 - y))
        add(colour, column.toInt(), row.toInt() + 1, (column + 1 - x) * (y - row))
        add(colour, column.toInt() + 1, row.toInt() + 1, (x - column) * (y - row))
    }

    private fun add(colour: DoubleArray, x: Int, y: Int, weight: Double) {
        if (x - left !in 0 until width || y - top !in 0 until height) return
        val pixel = pixels[(y - top) * width + x - left]
        colour[0] += weight * (pixel shr 16 and 255)
        colour[1] += weight * (pixel shr 8 and 255)
        colour[2] += weight * (pixel and 255)
    }

    fun close(): Unit = pixels.fill(0)

    companion object {
        /** Reads the rectangle that encloses points of the upright picture, and a pixel around it. */
        fun read(picture: Picture, corners: List<FaceLandmarks.Point>, buffers: Buffers): UprightPart {
            val turn = Turn(picture.orientation)
            val stored = corners.map { turn.stored(it, picture.width, picture.height) }
            val columns = range(stored.map { it.x }, picture.width)
            val rows = range(stored.map { it.y }, picture.height)
            val width = columns.last - columns.first + 1
            val pixels = buffers.ints(width * (rows.last - rows.first + 1))
            val row = buffers.ints(width)
            for ((index, y) in rows.withIndex()) {
                picture.readRow(columns.first, y, width, row)
                for (x in 0 until width) pixels[index * width + x] = onWhite(row[x])
            }
            row.fill(0)
            return UprightPart(picture, columns.first, rows.first, width, pixels)
        }

        private fun range(values: List<Double>, end: Int): IntRange {
            val first = max(0.0, floor(values.min()) - 1).toInt()
            val last = min(end - 1.0, ceil(values.max()) + 1).toInt()
            return if (first < end && last >= first) first..last else 0..0
        }
    }
}

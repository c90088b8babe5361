package pocketavatar

import java.nio.FloatBuffer
import kotlin.math.abs
import kotlin.random.Random
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

class SelfiePreprocessorTest {
    private fun prepare(picture: Picture, size: Int = 8): FloatBuffer {
        val out = FloatBuffer.allocate(3 * size * size)
        SelfiePreprocessor(size, Buffers(SystemAllocator)).prepare(picture, out)
        return out
    }

    private fun random(width: Int, height: Int): IntArray =
        Random(width * 1000 + height).let { random ->
            IntArray(width * height) {
                random.nextInt() or
                    (255 shl 24)
            }
        }

    private fun assertClose(expected: FloatBuffer, actual: FloatBuffer) {
        for (i in 0 until expected.capacity()) assertTrue(abs(expected[i] - actual[i]) < 1e-5, "at $i")
    }

    @Test
    fun `a picture of the right size is its pixels by 255`() {
        val pixels = random(8, 8)
        val expected = planes(pixels)
        val actual = prepare(PixelPicture(8, 8, pixels.clone()))
        for (i in expected.indices) assertEquals(expected[i].toFloat(), actual[i], 1e-7f)
    }

    @Test
    fun `one colour stays that colour, at any size`() {
        for ((width, height) in listOf(1 to 1, 3 to 3, 7 to 5, 8 to 8, 9 to 30, 100 to 101)) {
            val out = prepare(PixelPicture(width, height, IntArray(width * height) { 0xFF336699.toInt() }))
            for (i in 0 until 64) {
                assertEquals(0x33 / 255f, out[i], 1e-6f)
                assertEquals(0x66 / 255f, out[64 + i], 1e-6f)
                assertEquals(0x99 / 255f, out[128 + i], 1e-6f)
            }
        }
    }

    @Test
    fun `weights of a new pixel are at least 0 and sum to 1, and every old pixel counts as much`() {
        for (old in 1..40) {
            val taps = List(8) { Taps.of(it, old, 8) }
            taps.forEach { tap ->
                assertEquals(1f, tap.weights.sum(), 1e-6f)
                assertTrue(tap.weights.all { it >= 0 } && tap.first >= 0 && tap.first + tap.weights.size <= old)
            }
            if (old < 8) continue
            for (pixel in 0 until old) assertEquals(8f / old, taps.map { it.weightOf(pixel) }.sum(), 1e-6f)
        }
    }

    @Test
    fun `turned and mirrored pictures come out upright`() {
        for ((width, height) in listOf(21 to 30, 30 to 21, 9 to 20, 5 to 12)) {
            val upright = random(width, height)
            val expected = prepare(PixelPicture(width, height, upright.clone()))
            for (orientation in 1..8) assertClose(expected, prepare(stored(upright, width, height, orientation)))
        }
    }

    /** Returns the pixels that a camera stores for the picture with this orientation (EXIF 2.32, 4.6.4 A). */
    private fun stored(upright: IntArray, width: Int, height: Int, orientation: Int): PixelPicture {
        val across = if (orientation >= 5) height else width
        val down = if (orientation >= 5) width else height
        val pixels =
            IntArray(across * down) {
                val x = it % across
                val y = it / across
                val (u, v) =
                    when (orientation) {
                        1 -> x to y
                        2 -> width - 1 - x to y
                        3 -> width - 1 - x to height - 1 - y
                        4 -> x to height - 1 - y
                        5 -> y to x
                        6 -> width - 1 - y to x
                        7 -> width - 1 - y to height - 1 - x
                        else -> y to height - 1 - x
                    }
                upright[v * width + u]
            }
        return PixelPicture(across, down, pixels, orientation)
    }

    @Test
    fun `transparency is composited onto white`() {
        val out = prepare(PixelPicture(8, 8, IntArray(64) { 0x80000000.toInt() }))
        assertEquals(127 / 255f, out[0], 1e-6f)
        assertEquals(1f, prepare(PixelPicture(8, 8, IntArray(64)))[0])
    }
}

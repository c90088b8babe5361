package pocketavatar

import java.nio.FloatBuffer
import kotlin.math.floor

/** What makes an approximate picture of latents. The exporter fits it to the decoder. */
internal class LatentPreview(
    /** For each channel of the latents its share in red, green and blue. */
    val matrix: List<List<Float>>,
    /** The red, green and blue of latents that are 0, in [0,1]. */
    val offset: List<Float>,
) {
    /** Returns the picture of latents of this [shape], (1,C,h,w): h×w pixels in 8 bits. */
    fun picture(latents: FloatBuffer, shape: List<Int>): AvatarEvent.Preview {
        val (height, width) = shape.takeLast(2)
        val pixels = IntArray(height * width) { at ->
            (0 until COLOURS).fold(255) { pixel, colour -> (pixel shl 8) or level(latents, at, height * width, colour) }
        }
        return AvatarEvent.Preview(width, height, pixels)
    }

    /** Whether it fits latents of this [shape]. */
    fun fits(shape: List<Int>): Boolean =
        shape.size == 4 && matrix.size == shape[1] && offset.size == COLOURS && matrix.all { it.size == COLOURS }

    private fun level(latents: FloatBuffer, at: Int, area: Int, colour: Int): Int {
        var sum = offset[colour].toDouble()
        for ((channel, row) in matrix.withIndex()) sum += latents[channel * area + at].toDouble() * row[colour]
        // A number that is none becomes 0 here; the decoder reports it.
        return floor(sum * 255 + 0.5).toInt().coerceIn(0, 255)
    }

    private companion object {
        const val COLOURS = 3
    }
}

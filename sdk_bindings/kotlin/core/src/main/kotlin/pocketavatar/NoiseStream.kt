package pocketavatar

import java.nio.FloatBuffer
import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.ln
import kotlin.math.sin
import kotlin.math.sqrt

/**
 * Draws what `torch.randn` returns on the CPU in float32, call after call with one
 * `torch.Generator().manual_seed(seed)`, to within 2e-6.
 *
 * PyTorch seeds MT19937 with the low 32 bits of the seed.
 */
internal class NoiseStream(
    seed: ULong,
) {
    private val words = MersenneTwister(seed.toInt())

    /**
     * Fills [out] with the next draw of 16 or more values.
     *
     * PyTorch first fills all values from a uniform distribution and then transforms blocks of 16 to a
     * normal distribution (Box–Muller, `normal_fill`). If the last block is incomplete, it draws the
     * last 16 values again.
     */
    fun fill(out: FloatBuffer) {
        val count = out.capacity()
        require(count >= BLOCK) { "$count elements, expected at least $BLOCK" }
        for (i in 0 until count) out.put(i, uniform())
        for (start in 0..count - BLOCK step BLOCK) transform(out, start)
        if (count % BLOCK == 0) return
        for (i in count - BLOCK until count) out.put(i, uniform())
        transform(out, count - BLOCK)
    }

    /** Returns a multiple of 2^-24 in [0,1). */
    private fun uniform(): Float = (words.next() and 0xFFFFFF) * (1f / (1 shl 24))

    private fun transform(out: FloatBuffer, start: Int) {
        for (at in start until start + HALF) {
            val radius = sqrt(-2 * ln(1 - out[at].toDouble()))
            val angle = 2 * PI * out[at + HALF]
            out.put(at, (radius * cos(angle)).toFloat())
            out.put(at + HALF, (radius * sin(angle)).toFloat())
        }
    }

    companion object {
        /** The number of values that are transformed together. PyTorch draws fewer by another law. */
        const val BLOCK: Int = 16
        private const val HALF = BLOCK / 2
    }
}

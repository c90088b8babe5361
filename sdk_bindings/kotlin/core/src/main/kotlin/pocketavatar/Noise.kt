package pocketavatar

import java.nio.FloatBuffer
import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.ln
import kotlin.math.sin
import kotlin.math.sqrt

/**
 * Fills [out] with what `torch.randn` returns on the CPU in float32 with
 * `torch.Generator().manual_seed(seed)`, to within 2e-6.
 *
 * PyTorch seeds MT19937 with the low 32 bits of the seed and transforms blocks of 16 uniform values to
 * a normal distribution (Box–Muller, `normal_fill`). The number of elements must be a multiple of 16,
 * as it is for all latents.
 */
internal fun fillNoise(seed: ULong, out: FloatBuffer) {
    val count = out.capacity()
    require(count % BLOCK == 0) { "$count elements, expected a multiple of $BLOCK" }
    val words = MersenneTwister(seed.toInt())
    val uniform = DoubleArray(BLOCK)
    for (start in 0 until count step BLOCK) {
        for (j in 0 until BLOCK) uniform[j] = (words.next() and 0xFFFFFF) * (1.0 / (1 shl 24))
        for (j in 0 until BLOCK / 2) {
            val radius = sqrt(-2 * ln(1 - uniform[j]))
            val angle = 2 * PI * uniform[j + BLOCK / 2]
            out.put(start + j, (radius * cos(angle)).toFloat())
            out.put(start + j + BLOCK / 2, (radius * sin(angle)).toFloat())
        }
    }
}

private const val BLOCK = 16

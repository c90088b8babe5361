package pocketavatar

import java.nio.FloatBuffer
import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.ln
import kotlin.math.sin
import kotlin.math.sqrt

/**
 * Fills [out] with what `torch.randn` gives on CPU in float32 after `manual_seed(seed)`: MT19937 of
 * the seed's low 32 bits, and Box–Muller in blocks of 16 (PyTorch's `normal_fill`).
 *
 * The number of elements must be a multiple of 16, as every latent's is.
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

/** MT19937 (Matsumoto and Nishimura, 1998), initialised with one 32-bit number. */
internal class MersenneTwister(
    seed: Int,
) {
    private val state = IntArray(SIZE)
    private var at = SIZE

    init {
        state[0] = seed
        for (i in 1 until SIZE) {
            state[i] = 1812433253 * (state[i - 1] xor (state[i - 1] ushr 30)) + i
        }
    }

    /** The next 32-bit word. */
    fun next(): Int {
        if (at == SIZE) twist()
        var word = state[at++]
        word = word xor (word ushr 11)
        word = word xor (word shl 7 and 0x9D2C5680.toInt())
        word = word xor (word shl 15 and 0xEFC60000.toInt())
        return word xor (word ushr 18)
    }

    private fun twist() {
        for (i in 0 until SIZE) {
            val bits = (state[i] and UPPER) or (state[(i + 1) % SIZE] and UPPER.inv())
            val odd = if (bits and 1 == 0) 0 else 0x9908B0DF.toInt()
            state[i] = state[(i + 397) % SIZE] xor (bits ushr 1) xor odd
        }
        at = 0
    }

    private companion object {
        const val SIZE = 624
        const val UPPER = 1 shl 31
    }
}

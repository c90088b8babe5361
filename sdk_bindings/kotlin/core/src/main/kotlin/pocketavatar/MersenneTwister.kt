package pocketavatar

/**
 * The random number generator MT19937 (Matsumoto and Nishimura, "Mersenne Twister: a
 * 623-dimensionally equidistributed uniform pseudo-random number generator", ACM TOMACS 8, 1998).
 */
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

    /** Returns the next 32 random bits. */
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

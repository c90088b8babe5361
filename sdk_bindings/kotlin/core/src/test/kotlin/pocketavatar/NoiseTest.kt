package pocketavatar

import java.nio.FloatBuffer
import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

class NoiseTest {
    private fun noise(seed: ULong, count: Int = 64): List<Float> =
        FloatBuffer.allocate(count).also { NoiseStream(seed).fill(it) }.let { buffer ->
            List(count) { buffer[it] }
        }

    @Test
    fun `MT19937 gives the published numbers`() {
        // C++11, 26.5.5: the 10,000th output of std::mt19937 with its default seed 5489 is 4123659995.
        val words = MersenneTwister(5489)
        assertEquals(3499211612u, words.next().toUInt())
        repeat(9998) { words.next() }
        assertEquals(4123659995u, words.next().toUInt())
    }

    @Test
    fun `the noise of the golden run`() {
        val golden = artifactGolden("run.safetensors").getValue("0.inputs.noise").values
        val own = noise(0u, golden.size)
        for (i in golden.indices) assertTrue(abs(golden[i] - own[i]) < 2e-6, "at $i: ${golden[i]} and ${own[i]}")
    }

    @Test
    fun `seeds that differ by 2^32 give the same noise`() {
        assertEquals(noise(5u), noise(5u + (1uL shl 32)))
        assertEquals(noise(ULong.MAX_VALUE), noise(0xFFFFFFFFu))
    }

    @Test
    fun `fewer than 16 numbers follow another law, which is not here`() {
        assertFailsWith<IllegalArgumentException> { noise(0u, 15) }
    }
}

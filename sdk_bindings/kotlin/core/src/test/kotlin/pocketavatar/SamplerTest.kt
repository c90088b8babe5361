package pocketavatar

import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import java.nio.FloatBuffer
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

class SamplerTest {
    private val table = SamplerTable("velocity", 2f, listOf(1000f, 400f), listOf(1f, 0.5f, 0f))

    @Test
    fun `two steps with guidance, by hand`() {
        val latents = FloatBuffer.wrap(floatArrayOf(4f))
        val times = ArrayList<Float>()
        val done = ArrayList<Int>()
        sample(
            table,
            latents,
            denoise = { FloatBuffer.wrap(floatArrayOf(latents[0])).also { _ -> times += it } },
            unconditioned = { FloatBuffer.wrap(floatArrayOf(1f)) },
            fresh = { error("drawn") },
            onStep = { done += it },
        )
        // Step 1: 1 + 2·(4 − 1) = 7, 4 − 0.5·7 = 0.5. Step 2: 1 + 2·(0.5 − 1) = 0, 0.5 − 0.5·0 = 0.5.
        assertEquals(0.5f, latents[0])
        assertEquals(listOf(1000f, 400f), times)
        assertEquals(listOf(1, 2), done)
    }

    @Test
    fun `fresh noise after the first of two steps, by hand`() {
        val noisy =
            SamplerTable(
                "velocity",
                1f,
                listOf(1000f, 500f),
                listOf(1f, 0.5f, 0.25f),
                listOf(0.2f, 0.25f),
                listOf(0.5f, 0f),
            )
        val latents = FloatBuffer.wrap(floatArrayOf(4f))
        var drawn = 0
        sample(
            noisy,
            latents,
            denoise = { FloatBuffer.wrap(floatArrayOf(5f)) },
            unconditioned = { error("called") },
            fresh = { FloatBuffer.wrap(floatArrayOf(2f)).also { drawn++ } },
            onStep = {},
        )
        // Step 1: 4 − 0.8·5 = 0, 0·0.5/0.8 + 0.5·2 = 1. Step 2: 1 − 0.25·5 = −0.25.
        assertEquals(-0.25f, latents[0], 1e-6f)
        assertEquals(1, drawn)
    }

    @Test
    fun `without guidance there is one call a step, and no null tokens`() {
        assertEquals("identity_encoder, denoiser, denoiser, decoder", calls(1f))
        assertEquals("identity_encoder, identity_encoder, denoiser, denoiser, denoiser, denoiser, decoder", calls(1.5f))
    }

    private fun calls(guidance: Float): String {
        val calls = ArrayList<String>()
        val manifest = testManifest.with(
            samplers = listOf(SamplerTable("velocity", guidance, table.timesteps, table.sigmas)),
        )
        val studio = studio(manifest, StudioOptions(FakeBackend { calls += it }))
        runBlocking { studio.avatars(listOf(tiles(1)), freeStyle).toList() }
        return calls.joinToString()
    }

    @Test
    fun `a picture that is not made of numbers is an error of the decoder`() {
        for (value in listOf(Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY)) {
            val avatar = FloatBuffer.wrap(FloatArray(12) { if (it == 11) value else 0.5f })
            val error = assertFailsWith<AvatarException.RuntimeFailed> { pixelsOf(avatar) }
            assertEquals(listOf("decoder", "the picture is not made of numbers"), listOf(error.component, error.reason))
        }
    }

    @Test
    fun `8-bit levels are rounded half up and clamped`() {
        val levels = floatArrayOf(-0.1f, 0f, 0.5f / 255, 0.499f / 255, 1f, 1.2f)
        val pixels = pixelsOf(FloatBuffer.wrap(FloatArray(18) { levels[it % 6] }))
        assertEquals(listOf(0, 0, 1, 0, 255, 255), pixels.map { it and 255 })
        assertEquals(listOf(0, 0, 1, 0, 255, 255), pixels.map { it shr 16 and 255 })
    }
}

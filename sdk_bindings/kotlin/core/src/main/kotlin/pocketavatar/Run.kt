package pocketavatar

import java.nio.FloatBuffer
import kotlin.math.floor

/** The tensors of one run, and the calls it makes. */
internal class Run(
    private val manifest: Manifest,
    models: Models,
    private val table: SamplerTable,
    buffers: Buffers,
) {
    private val encoder = Call(manifest.encoder, models, buffers)
    private val denoiser = Call(manifest.denoiser, models, buffers)
    private val decoder = Call(manifest.decoder, models, buffers)
    private val identity = buffers.floats(encoder.output.capacity())
    private val nobody = buffers.floats(encoder.output.capacity())
    private val prediction = buffers.floats(denoiser.output.capacity())
    private var denoisingNanos = 0L

    /** (places,3,size,size): where the selfies go before [draw]. */
    val selfies: FloatBuffer get() = encoder.floats("selfies")

    /** (places): 1 for each place that is taken. */
    val mask: FloatBuffer get() = encoder.floats("selfie_mask")

    /** Draws [count] avatars, telling [emit] of everything but the end. */
    suspend fun draw(style: Style, count: Int, seed: ULong, emit: suspend (AvatarEvent) -> Unit) {
        encode()
        denoiser.set("style", style.ordinal)
        for (index in 0 until count) {
            val own = seed + index.toULong()
            fillNoise(own, decoder.floats("latents"))
            denoiseAll { emit(AvatarEvent.Progress(index, it, table.steps)) }
            decoder.run()
            val (height, width) = manifest.decoder.outputs
                .single()
                .shape
                .takeLast(2)
            val pixels = pixelsOf(decoder.output)
            emit(AvatarEvent.Drawn(Avatar(index, own, style, width, height, pixels)))
        }
    }

    /** The last event of a run that began at [startNanos]. */
    fun finished(count: Int, startNanos: Long): AvatarEvent.Finished =
        AvatarEvent.Finished(
            count = count,
            peakMemoryBytes = peakMemoryBytes(),
            secondsPerStep = denoisingNanos / 1e9 / (count * table.steps),
            totalSeconds = (System.nanoTime() - startNanos) / 1e9,
        )

    /** Fills [identity], and [nobody] where guidance asks for it; the selfies are 0 then. */
    private suspend fun encode() {
        encoder.run()
        identity.copyFrom(encoder.output)
        selfies.zero()
        mask.zero()
        if (table.guidance == 1f) return
        encoder.run()
        nobody.copyFrom(encoder.output)
    }

    /** The decoder's latents from noise to clean. */
    private suspend fun denoiseAll(onStep: suspend (Int) -> Unit) {
        val latents = decoder.floats("latents")
        sample(
            table = table,
            latents = latents,
            denoise = { prediction.apply { copyFrom(denoise(latents, it, identity)) } },
            unconditioned = { denoise(latents, it, nobody) },
            onStep = { onStep(it) },
        )
    }

    private suspend fun denoise(latents: FloatBuffer, timestep: Float, tokens: FloatBuffer): FloatBuffer {
        denoiser.floats("latents").copyFrom(latents)
        denoiser.floats("timestep").put(0, timestep)
        denoiser.floats("identity_tokens").copyFrom(tokens)
        val start = System.nanoTime()
        denoiser.run()
        denoisingNanos += System.nanoTime() - start
        return denoiser.output
    }
}

/**
 * (1,3,h,w) in [0,1] to `0xFFRRGGBB`: `floor(255·x + 0.5)`, clamped.
 *
 * @throws AvatarException.RuntimeFailed a value is infinite or no number: a black dot would hide it.
 */
internal fun pixelsOf(avatar: FloatBuffer): IntArray {
    val count = avatar.capacity() / 3

    fun level(at: Int): Int {
        val value = avatar[at]
        if (!value.isFinite()) throw AvatarException.RuntimeFailed("decoder", "the picture is not made of numbers")
        return floor(value * 255f + 0.5f).toInt().coerceIn(0, 255)
    }
    return IntArray(count) {
        (255 shl 24) or (level(it) shl 16) or (level(count + it) shl 8) or level(2 * count + it)
    }
}

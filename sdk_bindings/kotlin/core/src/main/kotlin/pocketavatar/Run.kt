package pocketavatar

import java.nio.FloatBuffer
import kotlin.math.floor

/** Holds the tensors of one run and makes its network calls. */
internal class Run(
    private val manifest: Manifest,
    runners: Runners,
    private val table: SamplerTable,
    buffers: Buffers,
    private val previews: Boolean,
    waiting: Int,
) {
    private val encoder = Call(manifest.encoder, runners, buffers)
    private val denoiser = Call(manifest.denoiser, runners, buffers)
    private val decoder = Call(manifest.decoder, runners, buffers)
    private val identityTokens = buffers.floats(encoder.output.capacity())
    private val nullTokens = buffers.floats(encoder.output.capacity())
    private val prediction = buffers.floats(denoiser.output.capacity())
    private var denoisingNanos = 0L

    /** The latents of avatars whose steps are all done before any of them is decoded. */
    private val waiting = List(waiting) { buffers.floats(manifest.latents.count) }

    /** The identity encoder's input `selfies`, (n,3,size,size). Fill it before [draw]. */
    val selfies: FloatBuffer get() = encoder.floats("selfies")

    /** The identity encoder's input `selfie_mask`, (n), 1 for each selfie that is present. */
    val mask: FloatBuffer get() = encoder.floats("selfie_mask")

    /** Draws [count] avatars. It emits every event of the run but [AvatarEvent.Finished]. */
    suspend fun draw(style: AvatarStyle, count: Int, seed: ULong, emit: suspend (AvatarEvent) -> Unit) {
        encode()
        denoiser.set("style", style.ordinal)
        for (group in (0 until count).chunked(waiting.size)) {
            for ((latents, index) in waiting zip group) {
                denoiseAll(latents, seed + index.toULong()) {
                    emit(AvatarEvent.Progress(index, it, table.steps, preview(latents)))
                }
            }
            for ((latents, index) in waiting zip group) {
                emit(AvatarEvent.Drawn(decoded(latents, index, seed + index.toULong(), style)))
            }
        }
    }

    private suspend fun decoded(latents: FloatBuffer, index: Int, seed: ULong, style: AvatarStyle): Avatar {
        decoder.floats("latents").copyFrom(latents)
        decoder.run()
        val (height, width) = manifest.decoder.outputs
            .single()
            .shape
            .takeLast(2)
        return Avatar(index, seed, style, width, height, pixelsOf(decoder.output))
    }

    private fun preview(latents: FloatBuffer): AvatarEvent.Preview? =
        manifest.preview?.takeIf { previews }?.picture(latents, manifest.latents.shape)

    /** Returns the last event of a run that started at [startNanos]. */
    fun finished(count: Int, startNanos: Long): AvatarEvent.Finished =
        AvatarEvent.Finished(
            count = count,
            peakMemoryBytes = peakMemoryBytes(),
            secondsPerStep = denoisingNanos / 1e9 / (count * table.steps),
            totalSeconds = (System.nanoTime() - startNanos) / 1e9,
        )

    /**
     * Fills [identityTokens], and, if guidance needs them, [nullTokens], which are the tokens of no
     * selfies. The selfies are 0 afterwards.
     */
    private suspend fun encode() {
        encoder.run()
        identityTokens.copyFrom(encoder.output)
        selfies.zero()
        mask.zero()
        if (table.guidance == 1f) return
        encoder.run()
        nullTokens.copyFrom(encoder.output)
    }

    /** Fills [latents] with finished latents, which begin as the noise of [seed]. */
    private suspend fun denoiseAll(latents: FloatBuffer, seed: ULong, onStep: suspend (Int) -> Unit) {
        val stream = NoiseStream(seed)
        stream.fill(latents)
        sample(
            table = table,
            latents = latents,
            denoise = { prediction.apply { copyFrom(denoise(latents, it, identityTokens)) } },
            unconditioned = { denoise(latents, it, nullTokens) },
            fresh = { prediction.also(stream::fill) },
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
 * Converts (1,3,h,w) in [0,1] to `0xFFRRGGBB`: `floor(255·x + 0.5)`, clamped to 0..255.
 *
 * @throws AvatarException.RuntimeFailed a value is infinite or not a number, because a black pixel
 *   would hide the failure.
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

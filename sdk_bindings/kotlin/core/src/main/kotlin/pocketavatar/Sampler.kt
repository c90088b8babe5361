package pocketavatar

import java.nio.FloatBuffer

/**
 * Euler steps along the rectified flow (arXiv 2209.03003, section 2), in place.
 *
 * [latents] are noise before and the finished latents after. [denoise] writes a prediction of the
 * velocity for the latents at a timestep, [unconditioned] the one without an identity, which is only
 * asked for where guidance is not 1. [onStep] is called with the number of steps done.
 */
internal inline fun sample(
    table: SamplerTable,
    latents: FloatBuffer,
    denoise: (timestep: Float) -> FloatBuffer,
    unconditioned: (timestep: Float) -> FloatBuffer,
    onStep: (done: Int) -> Unit,
) {
    for (step in 0 until table.steps) {
        val prediction = denoise(table.timesteps[step])
        if (table.guidance != 1f) {
            guide(prediction, unconditioned(table.timesteps[step]), table.guidance)
        }
        val change = table.sigmas[step + 1] - table.sigmas[step]
        for (i in 0 until latents.capacity()) latents.put(i, latents[i] + change * prediction[i])
        onStep(step + 1)
    }
}

/** Classifier-free guidance (arXiv 2207.12598): [prediction] is moved away from [from], in place. */
internal fun guide(prediction: FloatBuffer, from: FloatBuffer, guidance: Float) {
    for (i in 0 until prediction.capacity()) {
        prediction.put(i, from[i] + guidance * (prediction[i] - from[i]))
    }
}

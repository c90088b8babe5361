package pocketavatar

import java.nio.FloatBuffer

/**
 * Runs the sampling loop in place: Euler steps along a rectified flow (arXiv 2209.03003, section 2).
 *
 * A step is `x ← x + (σ' − σ)·v`. Arithmetic is in float32.
 *
 * @param latents The noise before the call and the finished latents after it, (1,C,h,w).
 * @param denoise Returns the prediction of the velocity for the latents at a timestep.
 * @param unconditioned Returns the prediction for the null tokens. It is only called if guidance is not 1.
 * @param onStep Receives the number of steps that are done.
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

/**
 * Applies classifier-free guidance (arXiv 2207.12598) to [prediction] in place: `v ← u + g·(v − u)`,
 * where u is the [unconditioned] prediction.
 */
internal fun guide(prediction: FloatBuffer, unconditioned: FloatBuffer, guidance: Float) {
    for (i in 0 until prediction.capacity()) {
        prediction.put(i, unconditioned[i] + guidance * (prediction[i] - unconditioned[i]))
    }
}

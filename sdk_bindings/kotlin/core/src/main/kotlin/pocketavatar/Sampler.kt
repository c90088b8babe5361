package pocketavatar

import java.nio.FloatBuffer

/**
 * Runs the sampling loop in place: Euler steps along a rectified flow (arXiv 2209.03003, section 2).
 *
 * A step from the level σ to σ' is `x ← x + (σ' − σ)·v`. In a table that adds fresh noise, Euler goes
 * down to `downs[i]` instead, and noise brings the latents up to σ':
 * `x ← x·(1 − σ')/(1 − downs[i]) + noises[i]·fresh`, unless `noises[i]` is 0. Arithmetic is in float32.
 *
 * @param latents The noise before the call and the finished latents after it, (1,C,h,w).
 * @param denoise Returns the prediction of the velocity for the latents at a timestep.
 * @param unconditioned Returns the prediction for the null tokens. It is only called if guidance is not 1.
 * @param fresh Returns the next noise of the seed, of the latents' shape. It is only called if noise is
 *   added.
 * @param onStep Receives the number of steps that are done.
 */
internal inline fun sample(
    table: SamplerTable,
    latents: FloatBuffer,
    denoise: (timestep: Float) -> FloatBuffer,
    unconditioned: (timestep: Float) -> FloatBuffer,
    fresh: () -> FloatBuffer,
    onStep: (done: Int) -> Unit,
) {
    for (step in 0 until table.steps) {
        val prediction = denoise(table.timesteps[step])
        if (table.guidance != 1f) {
            guide(prediction, unconditioned(table.timesteps[step]), table.guidance)
        }
        val change = table.down(step) - table.sigmas[step]
        for (i in 0 until latents.capacity()) latents.put(i, latents[i] + change * prediction[i])
        if (table.noise(step) > 0) addNoise(latents, fresh(), table.scale(step), table.noise(step))
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

/** Scales [latents] and adds noise, in place: `x ← x·scale + strength·fresh`. */
internal fun addNoise(latents: FloatBuffer, fresh: FloatBuffer, scale: Float, strength: Float) {
    for (i in 0 until latents.capacity()) latents.put(i, latents[i] * scale + strength * fresh[i])
}

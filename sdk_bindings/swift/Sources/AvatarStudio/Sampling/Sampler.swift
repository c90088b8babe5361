/// Computes the steps of the sampling loop: Euler steps along a rectified flow (arXiv 2209.03003,
/// section 2).
///
/// A step from the level σ to σ' is `x ← x + (σ' − σ)·v`. In a table that adds fresh noise, Euler
/// goes down to `downs[i]` instead, and noise brings the latents up to σ':
/// `x ← x·(1 − σ')/(1 − downs[i]) + noises[i]·fresh`, unless `noises[i]` is 0. With guidance g ≠ 1
/// (arXiv 2207.12598), v is replaced by `u + g·(v − u)`, where u is the prediction for the null
/// tokens. Arithmetic is in float32.
struct Sampler {
  let table: SamplerTable

  /// Does one step. It updates `latents` in place.
  ///
  /// - Parameters:
  ///   - index: The index of the step in the table.
  ///   - latents: The latents, (1,C,h,w).
  ///   - prediction: The denoiser's prediction of the velocity, of the same shape.
  ///   - unconditioned: The prediction for the null tokens, or nil without guidance.
  func step(_ index: Int, _ latents: Tensor, _ prediction: Tensor, unconditioned: Tensor?) {
    let down = table.addsNoise ? table.downs[index] : table.sigmas[index + 1]
    let stride = Float(down - table.sigmas[index])
    let guidance = Float(table.guidance)
    latents.withFloats { latents in
      prediction.withFloats { prediction in
        guard let unconditioned else {
          for i in latents.indices { latents[i] += stride * prediction[i] }
          return
        }
        unconditioned.withFloats { plain in
          for i in latents.indices {
            let guided = plain[i] + guidance * (prediction[i] - plain[i])
            latents[i] += stride * guided
          }
        }
      }
    }
  }

  /// Adds fresh noise after a step, if the table says so. It updates `latents` in place.
  ///
  /// - Parameters:
  ///   - index: The index of the step in the table.
  ///   - latents: The latents, (1,C,h,w).
  ///   - stream: The noise of the avatar's seed. It goes on if noise is added.
  ///   - fresh: Memory for the noise, of the latents' shape.
  func addNoise(_ index: Int, _ latents: Tensor, from stream: inout NoiseStream, fresh: Tensor) {
    guard table.addsNoise, table.noises[index] > 0 else { return }
    let scale = Float((1 - table.sigmas[index + 1]) / (1 - table.downs[index]))
    let strength = Float(table.noises[index])
    fresh.withFloats { fresh in
      stream.fill(fresh)
      latents.withFloats { latents in
        for i in latents.indices { latents[i] = latents[i] * scale + strength * fresh[i] }
      }
    }
  }
}

/// Computes the steps of the sampling loop: Euler steps along a rectified flow (arXiv 2209.03003,
/// section 2).
///
/// A step is `x ← x + (σ' − σ)·v`. With guidance g ≠ 1 (arXiv 2207.12598), v is replaced by
/// `u + g·(v − u)`, where u is the prediction for the null tokens. Arithmetic is in float32.
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
    let stride = Float(table.sigmas[index + 1] - table.sigmas[index])
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
}

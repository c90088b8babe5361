/// The sampling loop: Euler steps along a rectified flow (arXiv 2209.03003, section 2).
///
/// `x ← x + (σ' − σ)·v`; with guidance g ≠ 1, `v = u + g·(v − u)`, u being the prediction for the
/// null tokens. Arithmetic is in float32.
struct Sampler {
  let table: SamplerTable

  /// One step from `latents` in place.
  func step(_ index: Int, _ latents: Tensor, _ prediction: Tensor, unconditioned: Tensor?) {
    let stride = Float(table.sigmas[index + 1] - table.sigmas[index])
    let guidance = Float(table.guidance)
    latents.withFloats { latents in
      prediction.withFloats { prediction in
        guard let unconditioned else {
          for place in latents.indices { latents[place] += stride * prediction[place] }
          return
        }
        unconditioned.withFloats { plain in
          for place in latents.indices {
            let guided = plain[place] + guidance * (prediction[place] - plain[place])
            latents[place] += stride * guided
          }
        }
      }
    }
  }
}

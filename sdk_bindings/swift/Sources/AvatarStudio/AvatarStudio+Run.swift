import Foundation

extension AvatarStudio {
  /// Makes avatars of one person; starts at once.
  ///
  /// - Parameters:
  ///   - selfies: 1 to 10 pictures of the person, which keep the model's rules.
  ///   - style: How the avatars are drawn; those with `needsPlus` need `Entitlement.plus`.
  ///   - count: How many, at least 1.
  ///   - seed: The first avatar's; avatar k has `seed + k`, wrapping at 2⁶⁴. The same selfies, seed
  ///     and style give the same avatar.
  ///   - steps: Sampling steps, one of those the model was made for; nil for the model's own.
  /// - Returns: Events, which end with `finished`. Iterating throws an `AvatarError`: `cancelled`
  ///   where the task is cancelled, which is noticed between network calls. Whoever leaves the loop
  ///   early cancels the run.
  public nonisolated func avatars(
    of selfies: [Selfie], style: AvatarStyle, count: Int = 1,
    seed: UInt64 = UInt64.random(in: .min ... .max), steps: Int? = nil
  ) -> AvatarEvents {
    let request = AvatarRequest(
      selfies: selfies, style: style, count: count, seed: seed, steps: steps)
    return AvatarEvents { (send) async throws(AvatarError) in try await self.draw(request, send) }
  }

  private func draw(
    _ request: AvatarRequest, _ send: AvatarEvents.Send
  ) async throws(AvatarError) -> AvatarSummary {
    try check()
    let began = ContinuousClock.now
    guard request.count > 0 else { throw .countInvalid(request.count) }
    if request.style.needsPlus, entitlement != .plus { throw .styleNeedsPlus(request.style) }
    let sampler = Sampler(table: try model.sampler(steps: request.steps))
    var stepping = Duration.zero
    let tokens = try await tokens(of: request.selfies, guided: sampler.table.guidance != 1)
    for index in 0..<request.count {
      let seed = request.seed &+ UInt64(index)
      let latents = try noise(seed)
      for step in sampler.table.timesteps.indices {
        let start = ContinuousClock.now
        try await advance(latents, step, sampler, tokens, request.style)
        stepping += ContinuousClock.now - start
        send(.progress(request.progress(index, step + 1, sampler.table)))
      }
      let picture = try await run(.decoder, ["latents": latents])
      send(.avatar(try Avatar(picture, index: index, seed: seed, style: request.style)))
    }
    let steps = request.count * sampler.table.timesteps.count
    return AvatarSummary(
      count: request.count, peakMemoryBytes: peakMemoryBytes(),
      secondsPerStep: stepping.seconds / Double(steps),
      totalSeconds: (ContinuousClock.now - began).seconds)
  }

  /// Identity tokens, and the null tokens of guidance; the selfies' memory is zeroed on return.
  private func tokens(
    of selfies: [Selfie], guided: Bool
  ) async throws(AvatarError) -> IdentityTokens {
    let prepared = try await reader.prepare(selfies)
    guard prepared.refusals.isEmpty else { throw .selfiesRefused(prepared.refusals) }
    let inputs = ["selfies": prepared.selfies, "selfie_mask": prepared.mask]
    let person = try await run(.identityEncoder, inputs)
    guard guided else { return IdentityTokens(person: person, nobody: nil) }
    let nothing = [
      "selfies": try Tensor(shape: prepared.selfies.shape, allocator: allocator),
      "selfie_mask": try Tensor(shape: prepared.mask.shape, allocator: allocator),
    ]
    return IdentityTokens(person: person, nobody: try await run(.identityEncoder, nothing))
  }

  private func noise(_ seed: UInt64) throws(AvatarError) -> Tensor {
    let latents = try model.component(.denoiser).input("latents")
    guard latents.count >= Noise.leastCount else {
      throw .modelOfAnotherVersion(reason: "latents are \(latents.shape)")
    }
    let noise = try latents.tensor(allocator: allocator)
    noise.withFloats { Noise.fill($0, seed: seed) }
    return noise
  }

  private func advance(
    _ latents: Tensor, _ step: Int, _ sampler: Sampler, _ tokens: IdentityTokens,
    _ style: AvatarStyle
  ) async throws(AvatarError) {
    let timestep = try Tensor(shape: [1], allocator: allocator)
    timestep.withFloats { $0.update(repeating: Float(sampler.table.timesteps[step])) }
    let index = try Tensor(.int32, shape: [1], allocator: allocator)
    index.withIntegers { $0.update(repeating: Int32(style.details.index)) }
    var inputs = ["latents": latents, "timestep": timestep, "style": index]
    inputs["identity_tokens"] = tokens.person
    let prediction = try await run(.denoiser, inputs)
    var unconditioned: Tensor?
    if let nobody = tokens.nobody {
      inputs["identity_tokens"] = nobody
      unconditioned = try await run(.denoiser, inputs)
    }
    sampler.step(step, latents, prediction, unconditioned: unconditioned)
  }
}

/// What was asked for.
private struct AvatarRequest: Sendable {
  let selfies: [Selfie]
  let style: AvatarStyle
  let count: Int
  let seed: UInt64
  let steps: Int?

  func progress(_ avatar: Int, _ step: Int, _ table: SamplerTable) -> AvatarProgress {
    AvatarProgress(avatar: avatar, count: count, step: step, steps: table.timesteps.count)
  }
}

/// What the encoder makes of a person, and of nobody where guidance needs it; (1,8,D) each.
private struct IdentityTokens {
  let person: Tensor
  let nobody: Tensor?
}

extension Duration {
  fileprivate var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

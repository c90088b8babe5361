import Foundation

extension AvatarStudio {
  /// Draws avatars of one person.
  ///
  /// The run starts at once.
  ///
  /// - Parameters:
  ///   - selfies: Pictures of the person that follow the model's rules, at least 1 and at most
  ///     `Manifest.maxSelfies`.
  ///   - style: The style of the avatars. A style with `needsPlus` needs the entitlement `.plus`.
  ///   - count: The number of avatars, at least 1.
  ///   - seed: The seed of the first avatar. Avatar k has `seed + k`, wrapping at 2⁶⁴. The same
  ///     selfies, seed, style and steps give the same avatar.
  ///   - steps: The number of sampling steps, one of those that the model was made for, or nil for
  ///     the model's default.
  ///   - previews: Whether `progress` events carry an approximate picture of the avatar so far.
  ///     It takes about a microsecond per pixel of the latents.
  /// - Returns: The events of the run, which end with `finished`. Iterating throws an
  ///   `AvatarError`. If the task is cancelled, that is `cancelled`; the run notices it between two
  ///   network calls. Leaving the loop early cancels the run too.
  public nonisolated func avatars(
    of selfies: [Selfie], style: AvatarStyle, count: Int = 1,
    seed: UInt64 = UInt64.random(in: .min ... .max), steps: Int? = nil, previews: Bool = false
  ) -> AvatarEvents {
    let request = AvatarRequest(
      selfies: selfies, style: style, count: count, seed: seed, steps: steps, previews: previews)
    return AvatarEvents { (send) async throws(AvatarError) in try await self.draw(request, send) }
  }

  private func draw(
    _ request: AvatarRequest, _ send: AvatarEvents.Send
  ) async throws(AvatarError) -> AvatarEvent.Finished {
    try check()
    let began = ContinuousClock.now
    guard request.count > 0 else { throw .countInvalid(request.count) }
    if request.style.needsPlus, entitlement != .plus { throw .styleNeedsPlus(request.style) }
    let sampler = Sampler(table: try manifest.sampler(steps: request.steps))
    defer { releaseIfOneAtATime() }
    let tokens = try await tokens(of: request.selfies, guided: sampler.table.guidance != 1)
    var stepping = Duration.zero
    for group in try groups(of: request.count) {
      var latents: [Tensor] = []
      for index in group {
        let (tensor, time) = try await denoised(index, request, sampler, tokens, send)
        latents.append(tensor)
        stepping += time
      }
      for index in group {
        let picture = try await run(.decoder, ["latents": latents[index - group.lowerBound]])
        send(
          .drawn(try Avatar(picture, index: index, seed: request.seed(index), style: request.style))
        )
      }
    }
    let steps = request.count * sampler.table.timesteps.count
    return AvatarEvent.Finished(
      count: request.count, peakMemoryBytes: peakMemoryBytes(),
      secondsPerStep: stepping.seconds / Double(steps),
      totalSeconds: (ContinuousClock.now - began).seconds)
  }

  /// Returns the indices of avatars whose steps are all done before any of them is decoded.
  ///
  /// If one network is held at a time, that saves loading. Latents that wait take at most 16 MiB.
  private func groups(of count: Int) throws(AvatarError) -> [Range<Int>] {
    let bytes = try 4 * manifest.component(.denoiser).input("latents").count
    let size = memoryPolicy == .oneAtATime ? max(1, (16 << 20) / bytes) : 1
    return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
  }

  /// Returns the finished latents of one avatar, and the time that its steps took.
  private func denoised(
    _ index: Int, _ request: AvatarRequest, _ sampler: Sampler, _ tokens: IdentityTokens,
    _ send: AvatarEvents.Send
  ) async throws(AvatarError) -> (Tensor, Duration) {
    let spec = try manifest.component(.denoiser).input("latents")
    guard spec.count >= NoiseStream.leastCount else {
      throw .modelOfAnotherVersion(reason: "latents are \(spec.shape)")
    }
    var stream = NoiseStream(seed: request.seed(index))
    let latents = try spec.tensor(allocator: allocator)
    latents.withFloats { stream.fill($0) }
    let fresh = sampler.table.addsNoise ? try spec.tensor(allocator: allocator) : nil
    var stepping = Duration.zero
    for step in sampler.table.timesteps.indices {
      let start = ContinuousClock.now
      try await advance(latents, step, sampler, tokens, request.style)
      if let fresh { sampler.addNoise(step, latents, from: &stream, fresh: fresh) }
      stepping += ContinuousClock.now - start
      let preview = request.previews ? manifest.preview?.picture(of: latents) : nil
      send(.progress(request.progress(index, step + 1, sampler.table, preview)))
    }
    return (latents, stepping)
  }

  /// Encodes the person, and, if guidance needs them, the null tokens.
  ///
  /// The memory of the prepared selfies is zeroed when this returns.
  private func tokens(
    of selfies: [Selfie], guided: Bool
  ) async throws(AvatarError) -> IdentityTokens {
    let prepared = try await reader.prepare(selfies)
    guard prepared.refusals.isEmpty else { throw .selfiesRefused(prepared.refusals) }
    let inputs = ["selfies": prepared.selfies, "selfie_mask": prepared.mask]
    let person = try await run(.identityEncoder, inputs)
    guard guided else { return IdentityTokens(person: person, null: nil) }
    let noSelfies = [
      "selfies": try Tensor(shape: prepared.selfies.shape, allocator: allocator),
      "selfie_mask": try Tensor(shape: prepared.mask.shape, allocator: allocator),
    ]
    return IdentityTokens(person: person, null: try await run(.identityEncoder, noSelfies))
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
    if let null = tokens.null {
      inputs["identity_tokens"] = null
      unconditioned = try await run(.denoiser, inputs)
    }
    sampler.step(step, latents, prediction, unconditioned: unconditioned)
  }
}

/// The parameters of one run.
private struct AvatarRequest: Sendable {
  let selfies: [Selfie]
  let style: AvatarStyle
  let count: Int
  let seed: UInt64
  let steps: Int?
  let previews: Bool

  /// Returns the seed of the avatar with this index, which wraps at 2⁶⁴.
  func seed(_ avatar: Int) -> UInt64 { seed &+ UInt64(avatar) }

  func progress(
    _ avatar: Int, _ step: Int, _ table: SamplerTable, _ preview: AvatarEvent.Preview?
  ) -> AvatarEvent.Progress {
    AvatarEvent.Progress(
      avatar: avatar, count: count, step: step, steps: table.timesteps.count, preview: preview)
  }
}

/// The identity encoder's outputs, (1,T,D) each.
///
/// The null tokens are the output for no selfies; classifier-free guidance needs them.
private struct IdentityTokens {
  let person: Tensor
  let null: Tensor?
}

extension Duration {
  fileprivate var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

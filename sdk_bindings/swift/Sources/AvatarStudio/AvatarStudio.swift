import Foundation

/// Draws avatars of a person from selfies. All of it runs on the device.
///
/// ```swift
/// let studio = try await AvatarStudio(.bundled)
/// for try await event in studio.avatars(of: selfies, style: style, count: 4, seed: 7) {
///   if case .drawn(let avatar) = event { show(try avatar.pngData()) }
/// }
/// ```
///
/// The studio opens no connection. The only file that it writes is the compiled Core ML model. It
/// holds selfies in memory until they are encoded, and zeroes everything computed from them when a
/// run ends, fails or is cancelled. It keeps no reference to what the app passes in.
public actor AvatarStudio {
  /// The manifest of the model that the library was generated for.
  public nonisolated let manifest: Manifest
  /// How many networks the studio holds in memory: `keepAll` or `oneAtATime`.
  public nonisolated let memoryPolicy: MemoryPolicy
  /// The memory that the networks need at most during a run, in bytes: an estimate, see
  /// `Manifest.estimatedPeakMemoryBytes(_:)`.
  public nonisolated var estimatedPeakMemoryBytes: Int {
    manifest.estimatedPeakMemoryBytes(memoryPolicy)
  }

  nonisolated let reader: SelfieReader
  let allocator: any BufferAllocator
  private(set) var entitlement: Tier
  private let backend: any Backend
  private let folder: URL?
  private var runners: [ComponentName: any Runner] = [:]
  private var isClosed = false
  private var listener: Task<Void, Never>?

  /// Opens a model after checking the size and SHA-256 of each of its files.
  ///
  /// It loads no network.
  ///
  /// - Parameters:
  ///   - source: The place of the model's files. It is not read if the backend needs no files.
  ///   - options: The backend, the face detector, the entitlement and the allocator.
  /// - Throws: `modelMissing`, `modelDamaged`, `modelOfAnotherVersion`, `landmarkDetectorMissing` or
  ///   `runtimeFailed`.
  public init(
    _ source: ModelSource = .bundled, options: StudioOptions = StudioOptions()
  ) async throws(AvatarError) {
    try await self.init(
      source, options: options, manifest: .bundled, memoryPressure: memoryPressure())
  }

  /// Opens a studio with another manifest and another stream of memory warnings, for tests.
  init(
    _ source: ModelSource, options: StudioOptions, manifest: Manifest,
    memoryPressure: AsyncStream<Void>
  ) async throws(AvatarError) {
    try manifest.checkReadable()
    let landmarks = try options.landmarkDetector(for: manifest)
    let backend = if let own = options.backend { own } else { try manifest.platformBackend() }
    let folder = backend.needsFiles ? try source.url() : nil
    if let folder { try Artifact(manifest: manifest, folder: folder).verify() }
    self.manifest = manifest
    memoryPolicy = options.memoryPolicy.resolved(for: manifest)
    self.backend = backend
    self.folder = folder
    allocator = options.allocator
    entitlement = options.entitlement
    reader = SelfieReader(
      manifest: manifest, detector: options.faceDetector, landmarks: landmarks,
      allocator: options.allocator)
    listen(to: memoryPressure)
  }

  deinit { listener?.cancel() }

  private func listen(to memoryPressure: AsyncStream<Void>) {
    listener = Task { [weak self] in
      for await _ in memoryPressure { await self?.dropModels() }
    }
  }

  /// Checks selfies against the rules.
  ///
  /// It takes about 10 ms per selfie and runs no network.
  ///
  /// - Returns: Every broken rule, by selfie and then by rule. It is empty if `avatars` accepts the
  ///   selfies.
  /// - Throws: `unreadablePicture`, `runtimeFailed` if the face detector fails, `outOfMemory`,
  ///   `cancelled` or `closed`.
  public nonisolated func check(_ selfies: [Selfie]) async throws(AvatarError) -> [Refusal] {
    try await check()
    return try await reader.prepare(selfies).refusals
  }

  /// Loads all networks and runs each once on zeros, so that the first avatar comes sooner.
  ///
  /// With `MemoryPolicy.oneAtATime` it releases each of them again. Core ML then has compiled them.
  ///
  /// - Throws: `outOfMemory`, `storageFull`, `runtimeFailed`, `cancelled` or `closed`.
  public func prepare() async throws(AvatarError) {
    defer { releaseIfOneAtATime() }
    for name in ComponentName.allCases {
      let component = try manifest.component(name)
      var inputs: [String: Tensor] = [:]
      for input in component.inputs {
        inputs[input.name] = try input.tensor(allocator: allocator)
      }
      _ = try await run(name, inputs)
    }
  }

  /// Changes the entitlement of the user.
  ///
  /// It applies from the next run on.
  public func setEntitlement(_ entitlement: Tier) {
    self.entitlement = entitlement
  }

  /// Releases all networks.
  ///
  /// The next call loads them again.
  ///
  /// The studio does this itself when the system warns that memory is short.
  public func dropModels() {
    runners = [:]
  }

  /// Releases all networks if the policy is to hold one at a time: before another one is loaded, and
  /// when a run ends.
  func releaseIfOneAtATime() {
    if memoryPolicy == .oneAtATime { runners = [:] }
  }

  /// Closes the studio and releases all networks.
  ///
  /// Runs in progress and later calls throw `closed`.
  public func close() {
    isClosed = true
    runners = [:]
  }

  /// Runs a component once and returns its only output.
  ///
  /// It loads the component if necessary.
  func run(
    _ name: ComponentName, _ inputs: [String: Tensor]
  ) async throws(AvatarError) -> Tensor {
    try check()
    let output = try manifest.component(name).output()
    let result = try output.tensor(allocator: allocator)
    try await runner(name).run(inputs, into: [output.name: result])
    await Task.yield()
    try check()
    return result
  }

  private func runner(_ name: ComponentName) async throws(AvatarError) -> any Runner {
    if let runner = runners[name] { return runner }
    releaseIfOneAtATime()
    let runner = try await backend.load(manifest.component(name), of: manifest, in: folder)
    try check()
    runners[name] = runner
    return runner
  }

  /// Throws `closed` if the studio is closed and `cancelled` if the task is cancelled.
  func check() throws(AvatarError) {
    if isClosed { throw .closed }
    if Task.isCancelled { throw .cancelled }
  }
}

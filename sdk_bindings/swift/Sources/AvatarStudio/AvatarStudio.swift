import Foundation

/// Makes avatars of a person from selfies, on the device and only there.
///
/// ```swift
/// let studio = try await AvatarStudio(.bundled)
/// for try await event in studio.avatars(of: selfies, style: .lorelei, count: 4, seed: 7) {
///   if case .avatar(let avatar) = event { show(try avatar.pngData()) }
/// }
/// ```
///
/// It opens no connection and writes no file but the compiled Core ML model. Selfies are held in
/// memory until they are encoded, and everything computed from them is zeroed when a run ends,
/// fails or is cancelled. It keeps no reference to what the app passes in.
public actor AvatarStudio {
  /// The model that the library was generated for.
  public nonisolated let model: ModelDescription

  nonisolated let reader: SelfieReader
  let allocator: any BufferAllocator
  private(set) var entitlement: Entitlement
  private let backend: any Backend
  private let folder: URL?
  private var runners: [AvatarComponent: any Runner] = [:]
  private var isClosed = false
  private var warnings: Task<Void, Never>?

  /// Opens a model after checking the size and SHA-256 of each of its files; loads no network yet.
  ///
  /// - Parameters:
  ///   - source: Where the model's files lie; not looked at if the backend needs no files.
  ///   - options: How the studio works.
  /// - Throws: `modelMissing`, `modelDamaged`, `modelOfAnotherVersion` or `runtimeFailed`.
  public init(
    _ source: ModelSource = .bundled, options: AvatarOptions = AvatarOptions()
  ) async throws(AvatarError) {
    try await self.init(source, options: options, model: .bundled, warnings: memoryWarnings())
  }

  /// The same with a description and memory warnings of one's own.
  init(
    _ source: ModelSource, options: AvatarOptions, model: ModelDescription,
    warnings: AsyncStream<Void>
  ) async throws(AvatarError) {
    try model.checkReadable()
    let backend = if let own = options.backend { own } else { try model.platformBackend() }
    let folder = backend.needsFiles ? try source.url() : nil
    if let folder { try model.checkFiles(in: folder) }
    self.model = model
    self.backend = backend
    self.folder = folder
    allocator = options.allocator
    entitlement = options.entitlement
    reader = SelfieReader(
      model: model, detector: options.faceDetector, allocator: options.allocator)
    listen(to: warnings)
  }

  deinit { warnings?.cancel() }

  private func listen(to warnings: AsyncStream<Void>) {
    self.warnings = Task { [weak self] in
      for await _ in warnings { await self?.dropModels() }
    }
  }

  /// All rules that the selfies break, by selfie and then by rule; none if they are fine.
  ///
  /// Takes some 10 ms a selfie and runs no network.
  /// - Throws: `unreadablePicture`, `runtimeFailed` of the face detector, `outOfMemory`,
  ///   `cancelled` or `closed`.
  public nonisolated func check(_ selfies: [Selfie]) async throws(AvatarError) -> [Refusal] {
    try await check()
    return try await reader.prepare(selfies).refusals
  }

  /// Loads all networks and runs each once, so that the first avatar comes sooner.
  ///
  /// - Throws: `outOfMemory`, `storageFull`, `runtimeFailed`, `cancelled` or `closed`.
  public func prepare() async throws(AvatarError) {
    for component in AvatarComponent.allCases {
      let description = try model.component(component)
      var inputs: [String: Tensor] = [:]
      for input in description.inputs {
        inputs[input.name] = try input.tensor(allocator: allocator)
      }
      _ = try await run(component, inputs)
    }
  }

  /// Changes what the user has bought, from the next run on.
  public func setEntitlement(_ entitlement: Entitlement) {
    self.entitlement = entitlement
  }

  /// Releases all networks; the next call loads them again.
  ///
  /// Memory warnings do this by themselves.
  public func dropModels() {
    runners = [:]
  }

  /// Releases all networks for good: runs in progress and later calls throw `closed`.
  public func close() {
    isClosed = true
    runners = [:]
  }

  /// One network call; loads the network where it is not loaded.
  func run(
    _ component: AvatarComponent, _ inputs: [String: Tensor]
  ) async throws(AvatarError) -> Tensor {
    try check()
    let output = try model.component(component).output()
    let result = try output.tensor(allocator: allocator)
    try await runner(component).run(inputs, into: [output.name: result])
    await Task.yield()
    try check()
    return result
  }

  private func runner(_ component: AvatarComponent) async throws(AvatarError) -> any Runner {
    if let runner = runners[component] { return runner }
    let runner = try await backend.load(model.component(component), of: model, in: folder)
    try check()
    runners[component] = runner
    return runner
  }

  func check() throws(AvatarError) {
    if isClosed { throw .closed }
    if Task.isCancelled { throw .cancelled }
  }
}

#if canImport(CoreML)
  import CoreML
  import Foundation

  /// Runs `.mlpackage` models with Core ML, on the Neural Engine if possible.
  ///
  /// Each model is compiled once on the device. The compiled model is stored in the app's caches.
  public struct CoreMLBackend: Backend {
    private let computeUnits: MLComputeUnits
    private let cache: URL?

    /// Creates a backend.
    ///
    /// - Parameters:
    ///   - computeUnits: The processors that Core ML may use. `.all` lets Core ML choose. `.cpuOnly`
    ///     is slower and gives the same picture on every device.
    ///   - cache: The folder for compiled models, or nil for `AvatarStudio` in the app's caches.
    public init(computeUnits: MLComputeUnits = .all, cache: URL? = nil) {
      self.computeUnits = computeUnits
      self.cache = cache
    }

    /// True: models are packages.
    public var needsFiles: Bool { true }

    /// Compiles the component's model if the cache does not have it, and loads it.
    ///
    /// Throws `storageFull` if the disk has no room for the compiled model, or `runtimeFailed`.
    public func load(
      _ component: Component, of manifest: Manifest, in folder: URL?
    ) async throws(AvatarError) -> any Runner {
      guard let folder else { throw .modelMissing(path: component.path) }
      let package = folder.appendingPathComponent(component.path)
      let root = if let cache { cache } else { try CompiledModelCache.standardRoot() }
      let cache = CompiledModelCache(root: root, digest: manifest.digest)
      do throws(AvatarError) {
        return try await open(component, package, cache)
      } catch {
        // A model that an older system compiled may not load after an update of the system, so it is
        // compiled once more from the package.
        guard case .runtimeFailed = error else { throw error }
        cache.forget(component.name)
        return try await open(component, package, cache)
      }
    }

    private func open(
      _ component: Component, _ package: URL, _ cache: CompiledModelCache
    ) async throws(AvatarError) -> any Runner {
      let compiled = try await cache.model(component.name) {
        try await MLModel.compileModel(at: package)
      }
      do {
        let configuration = MLModelConfiguration()
        configuration.computeUnits = computeUnits
        let model = try await MLModel.load(contentsOf: compiled, configuration: configuration)
        return CoreMLRunner(model: model, component: component)
      } catch {
        throw CompiledModelCache.failure(error)
      }
    }
  }
#endif

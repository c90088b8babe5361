#if canImport(CoreML)
  import CoreML
  import Foundation

  /// Runs `.mlpackage` models with Core ML, on the Neural Engine where it can.
  ///
  /// Each model is compiled once on the device and kept in the app's folder for caches.
  public struct CoreMLBackend: Backend {
    private let computeUnits: MLComputeUnits
    private let cache: URL?

    /// - Parameters:
    ///   - computeUnits: What may be used. `.all` lets Core ML choose; `.cpuOnly` gives the same
    ///     picture on every device, slower.
    ///   - cache: Folder for compiled models; nil for `AvatarStudio` in the app's own for caches.
    public init(computeUnits: MLComputeUnits = .all, cache: URL? = nil) {
      self.computeUnits = computeUnits
      self.cache = cache
    }

    /// Models are packages.
    public var needsFiles: Bool { true }

    /// Compiles the model where it is not in the cache, and loads it.
    ///
    /// Throws `storageFull` where the compiled model does not fit, or `runtimeFailed`.
    public func load(
      _ component: ComponentDescription, of model: ModelDescription, in folder: URL?
    ) async throws(AvatarError) -> any Runner {
      guard let folder else { throw .modelMissing(path: component.path) }
      let package = folder.appendingPathComponent(component.path)
      let root = if let cache { cache } else { try CompiledModelCache.standardRoot() }
      let cache = CompiledModelCache(root: root, digest: model.digest)
      do throws(AvatarError) {
        return try await open(component, package, cache)
      } catch {
        // A compiled model may be from before an update of the system: once more, from the package.
        guard case .runtimeFailed = error else { throw error }
        cache.forget(component.name)
        return try await open(component, package, cache)
      }
    }

    private func open(
      _ component: ComponentDescription, _ package: URL, _ cache: CompiledModelCache
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

import Foundation

#if canImport(Darwin)
  import Darwin
#endif

/// Where the memory comes from that holds selfies and what is computed from them.
///
/// The library sets every byte to 0 before it gives memory back, so an allocator of a test's own
/// can see that nothing of a selfie stays.
public protocol BufferAllocator: Sendable {
  /// Memory aligned to 64 bytes with any content, or nil where there is not enough.
  func allocate(byteCount: Int) -> UnsafeMutableRawBufferPointer?

  /// Takes memory back that `allocate` gave. All of its bytes are 0.
  func deallocate(_ memory: UnsafeMutableRawBufferPointer)
}

/// The system's own allocator.
public struct SystemAllocator: BufferAllocator {
  /// Any two are the same.
  public init() {}

  /// Memory aligned to 64 bytes, or nil where the system has no more.
  public func allocate(byteCount: Int) -> UnsafeMutableRawBufferPointer? {
    var start: UnsafeMutableRawPointer?
    guard posix_memalign(&start, 64, max(byteCount, 1)) == 0 else { return nil }
    return UnsafeMutableRawBufferPointer(start: start, count: byteCount)
  }

  /// Gives memory back to the system.
  public func deallocate(_ memory: UnsafeMutableRawBufferPointer) {
    free(memory.baseAddress)
  }
}

/// Memory that is zeroed when nobody needs it any more.
final class Buffer {
  let bytes: UnsafeMutableRawBufferPointer
  private let allocator: any BufferAllocator

  /// All bytes are 0. Throws `AvatarError.outOfMemory`.
  init(byteCount: Int, allocator: any BufferAllocator) throws(AvatarError) {
    guard let bytes = allocator.allocate(byteCount: byteCount) else {
      throw AvatarError.outOfMemory
    }
    self.bytes = bytes
    self.allocator = allocator
    zero(bytes)
  }

  deinit {
    zero(bytes)
    allocator.deallocate(bytes)
  }
}

/// Writes zeros in a way that no optimizer removes, even right before memory is freed.
private func zero(_ bytes: UnsafeMutableRawBufferPointer) {
  guard let start = bytes.baseAddress else { return }
  #if canImport(Darwin)
    memset_s(start, bytes.count, 0, bytes.count)
  #else
    explicit_bzero(start, bytes.count)
  #endif
}

/** Keeps the AWS SDK from telling users of an old Node about its later releases: ours is pinned. Call before loading it. */
export function silenceSdkWarnings(): void {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
}

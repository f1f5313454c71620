// Copying works on plain HTTP too, where browsers offer no clipboard interface: then by a field that is selected for a moment.
export async function copyText(text: string): Promise<boolean> {
    if (window.isSecureContext) {
        try {
            await navigator.clipboard.writeText(text);
            return true;
        } catch {
            // Not allowed here; the other way may work.
        }
    }
    const field = document.createElement('textarea');
    field.value = text;
    field.readOnly = true;
    field.style.position = 'fixed';
    field.style.opacity = '0';
    const before = document.activeElement;
    // Inside an open dialog, or its focus guard would take the selection away.
    (before?.closest('[role="dialog"]') ?? document.body).append(field);
    field.select();
    let done = false;
    try {
        // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else works without a secure context
        done = document.execCommand('copy');
    } catch {
        done = false;
    }
    field.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    return done;
}

const made: string = `TypeScript, made smaller`;
document.querySelector("#made")!.textContent = made;

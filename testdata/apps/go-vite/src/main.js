const answer = await fetch("/api/version");
document.querySelector("#answer").textContent = await answer.text();

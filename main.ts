console.log("Second Brain");
